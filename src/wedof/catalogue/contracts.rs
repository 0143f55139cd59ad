//! Working contracts of apprentices.

use super::{
    Accepts::Several, Evidence, Group, Identity, Resource, day, digits, filters::filter, id, instant, list, plain, slug,
};
use crate::spec::ResourceName;

pub static RESOURCE: Resource = Resource {
    name: ResourceName::WorkingContracts,
    ways: &[list("workingContracts")],
    identity: Identity::Own(&[digits("id"), slug("externalId")]),
    filters: &[
        filter(
            "financer",
            Several(&["opcoCfaAkto", "opcoCfaEp", "opcoCfaOpcommerce", "opcoCfaMobilites"]),
        ),
        filter(
            "state",
            Several(&[
                "all",
                "draft",
                "sent",
                "pendingAcceptation",
                "accepted",
                "cancelled",
                "refused",
                "broken",
                "completed",
            ]),
        ),
    ],
    first: &[
        "id",
        "state",
        "type",
        "financer",
        "_links.employer.name",
        "_links.employer.siret",
        "_links.registrationFolder.externalId",
        "startDate",
        "endDate",
        "signedDate",
        "amount",
    ],
    suivi: &[
        "id",
        "_links.registrationFolder.externalId",
        "_links.employer.name",
        "_links.employer.siret",
        "financer",
        "state",
        "startDate",
        "endDate",
        "amount",
    ],
    groups: &[
        Group {
            prefix: "",
            fields: &[
                plain("id", "N°", "No."),
                id("externalId", "Identifiant", "External ID"),
                plain("state", "Statut", "State"),
                plain("type", "Type", "Type"),
                plain("financer", "Financeur", "Funder"),
                plain("amount", "Montant", "Amount"),
                id(
                    "externalIdTrainingOrganism",
                    "N° chez l'organisme",
                    "No. at the organism",
                ),
                id("externalIdDeca", "N° DECA", "DECA no."),
                day("startDate", "Début", "Start"),
                day("endDate", "Fin", "End"),
                day("signedDate", "Signé le", "Signed on"),
                day("breakingDate", "Rompu le", "Broken on"),
                day("amendmentDate", "Avenant du", "Amended on"),
                instant("lastUpdate", "Dernière mise à jour", "Last update"),
                instant("createdOn", "Créé le", "Created on"),
                instant("updatedOn", "Modifié dans Wedof le", "Updated in Wedof on"),
            ],
        },
        Group {
            prefix: "_links.",
            fields: &[
                plain("employer.name", "Employeur", "Employer"),
                id("employer.siret", "SIRET de l'employeur", "Employer's SIRET"),
                id("registrationFolder.externalId", "N° de dossier", "Folder no."),
            ],
        },
    ],
    whole: &["metadata"],
    person: false,
    evidence: Evidence::Production,
    instead: None,
};
