//! Around certifications: what graduates say of their work (surveys), who may train for a certification (partners), and
//! evaluations, of which nobody has seen an answer.

use super::{
    Accepts::{Any, AnySeveral, One, Parents as ParentKeys, Several},
    Each, Evidence, Group, Identity, Parents, Resource, Way, digits,
    filters::filter,
    id, instant, list, plain,
    shared::{BOOLEANS, EXPERIENCE, RECORD},
    slug,
};
use crate::spec::ResourceName;

pub static SURVEYS: Resource = Resource {
    name: ResourceName::Surveys,
    ways: &[list("surveys")],
    identity: Identity::Own(&[digits("id"), slug("externalId")]),
    filters: &[
        filter("certifInfo", AnySeveral),
        filter(
            "state",
            One(&[
                "all",
                "created",
                "beforeCertificationSuccess",
                "afterSixMonthsCertificationSuccess",
                "finished",
            ]),
        ),
    ],
    first: &["id", "state"],
    suivi: &[
        "id",
        "state",
        "initialExperienceAnsweredDate",
        "initialExperience.situation",
        "sixMonthExperienceAnsweredDate",
        "sixMonthExperience.situation",
        "longTermExperienceAnsweredDate",
        "longTermExperience.situation",
        "_links.certificationFolder.externalId",
    ],
    groups: &[
        Group {
            prefix: "",
            fields: &[
                plain("id", "N°", "No."),
                id("externalId", "Identifiant", "External ID"),
                plain("state", "Statut", "State"),
                instant(
                    "initialExperienceStartDate",
                    "Début de cursus : ouvert le",
                    "Initial: open since",
                ),
                instant(
                    "initialExperienceAnsweredDate",
                    "Début de cursus : répondu le",
                    "Initial: answered on",
                ),
                instant(
                    "sixMonthExperienceStartDate",
                    "6 mois : ouvert le",
                    "6 months: open since",
                ),
                instant(
                    "sixMonthExperienceAnsweredDate",
                    "6 mois : répondu le",
                    "6 months: answered on",
                ),
                instant(
                    "longTermExperienceStartDate",
                    "Un an : ouvert le",
                    "Long term: open since",
                ),
                instant(
                    "longTermExperienceAnsweredDate",
                    "Un an : répondu le",
                    "Long term: answered on",
                ),
                id(
                    "_links.certificationFolder.externalId",
                    "N° de dossier de certification",
                    "Certification folder no.",
                ),
            ],
        },
        Group {
            prefix: "initialExperience.",
            fields: EXPERIENCE[0],
        },
        Group {
            prefix: "sixMonthExperience.",
            fields: EXPERIENCE[1],
        },
        Group {
            prefix: "longTermExperience.",
            fields: EXPERIENCE[2],
        },
        Group {
            prefix: "",
            fields: RECORD,
        },
    ],
    whole: &["metadata"],
    person: false,
    evidence: Evidence::Vendor,
    instead: None,
};

pub static EVALUATIONS: Resource = Resource {
    name: ResourceName::Evaluations,
    ways: &[list("evaluations")],
    identity: Identity::Own(&[slug("externalId"), digits("id")]),
    filters: &[],
    first: &[],
    suivi: &["externalId", "id", "state"],
    groups: &[
        Group {
            prefix: "",
            fields: &[
                id("externalId", "Identifiant", "External ID"),
                plain("id", "N°", "No."),
                plain("state", "Statut", "State"),
                plain("comment", "Commentaire", "Comment").personal(),
            ],
        },
        Group {
            prefix: "",
            fields: RECORD,
        },
    ],
    whole: &["metadata"],
    person: false,
    evidence: Evidence::Assumed,
    instead: Some("surveys have what graduates answered"),
};

pub static PARTNERS: Resource = Resource {
    name: ResourceName::CertificationPartners,
    ways: &[Way::Each(&[Each {
        parents: Parents::Certifications { filter: "certifInfo" },
        path: "certifications/{}/partners",
        parameter: None,
        fields: &[("certifInfo", "{}")],
    }])],
    identity: Identity::Child(&["siret", "_links.partner.siret", "partner.siret", "externalId", "id"]),
    filters: &[
        filter("certifInfo", ParentKeys),
        filter("query", Any),
        filter(
            "state",
            Several(&[
                "all",
                "draft",
                "processing",
                "active",
                "aborted",
                "refused",
                "suspended",
                "revoked",
            ]),
        ),
        filter(
            "compliance",
            One(&["all", "compliant", "partiallyCompliant", "nonCompliant", "inProgress"]),
        ),
        filter("certifier", Any),
        filter(
            "certifierAccessState",
            One(&["all", "waiting", "accepted", "refused", "terminated", "none"]),
        ),
        filter("connectionIssue", One(BOOLEANS)),
    ],
    first: &[
        "key",
        "certifInfo",
        "state",
        "_links.partner.name",
        "_links.partner.siret",
    ],
    suivi: &[
        "key",
        "certifInfo",
        "_links.certification.name",
        "_links.partner.name",
        "_links.partner.siret",
        "state",
        "habilitation",
        "compliance",
    ],
    groups: &[
        Group {
            prefix: "",
            fields: &[
                id("key", "Clé", "Key"),
                id("certifInfo", "Certif Info", "Certif Info"),
                plain("state", "Statut", "State"),
                plain("habilitation", "Habilitation", "Habilitation"),
                plain("compliance", "Conformité", "Compliance"),
                instant("stateLastUpdate", "Statut depuis le", "State since"),
                id("siret", "SIRET", "SIRET"),
                plain("name", "Nom", "Name"),
                id("externalId", "Identifiant", "External ID"),
                plain("id", "N°", "No."),
                plain("comment", "Commentaire", "Comment").personal(),
                plain("tags", "Étiquettes", "Tags"),
            ],
        },
        Group {
            prefix: "_links.",
            fields: &[
                plain("partner.name", "Partenaire", "Partner"),
                id("partner.siret", "SIRET du partenaire", "Partner's SIRET"),
                plain("certifier.name", "Certificateur", "Certifier"),
                id("certifier.siret", "SIRET du certificateur", "Certifier's SIRET"),
                plain("certification.name", "Certification", "Certification"),
                id(
                    "certification.externalId",
                    "Code de la certification",
                    "Certification code",
                ),
            ],
        },
        Group {
            prefix: "",
            fields: RECORD,
        },
    ],
    whole: &["metadata"],
    person: false,
    evidence: Evidence::Vendor,
    instead: None,
};
