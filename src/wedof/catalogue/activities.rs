//! What was done for a folder, and what is to be done: calls, mails, meetings, remarks.

use super::{Each, Evidence, Group, Identity, Parents, Resource, Way, id, instant, list, plain, shared::RECORD};
use crate::spec::ResourceName;

pub static RESOURCE: Resource = Resource {
    name: ResourceName::Activities,
    ways: &[
        list("activities"),
        Way::Each(&[
            Each {
                parents: Parents::Folders(ResourceName::RegistrationFolders),
                path: "activities/RegistrationFolder/{}",
                parameter: None,
                fields: &[("entityClass", "RegistrationFolder"), ("entityId", "{}")],
            },
            Each {
                parents: Parents::Folders(ResourceName::CertificationFolders),
                path: "activities/CertificationFolder/{}",
                parameter: None,
                fields: &[("entityClass", "CertificationFolder"), ("entityId", "{}")],
            },
        ]),
    ],
    identity: Identity::Child(&["id", "externalId"]),
    filters: &[],
    first: &[
        "key",
        "entityId",
        "entityClass",
        "type",
        "title",
        "eventTime",
        "dueDate",
    ],
    suivi: &[
        "key",
        "entityId",
        "type",
        "title",
        "description",
        "userEmail",
        "eventTime",
        "dueDate",
    ],
    groups: &[
        Group {
            prefix: "",
            fields: &[
                id("key", "Clé", "Key"),
                id("entityId", "N° de dossier", "Folder no."),
                plain("entityClass", "Type de dossier", "Folder kind"),
                plain("id", "N°", "No."),
                id("externalId", "Identifiant", "External ID"),
                plain("type", "Type", "Type"),
                plain("title", "Titre", "Title").personal(),
                plain("description", "Description", "Description").personal(),
                plain("userEmail", "E-mail de l'utilisateur", "User's e-mail").personal(),
                instant("eventTime", "Début", "Start"),
                instant("eventEndTime", "Fin", "End"),
                instant("dueDate", "Échéance", "Due date"),
                plain("done", "Fait", "Done"),
                plain("link", "Lien", "Link").personal(),
                plain("origin", "Origine", "Origin"),
                plain("qualiopiIndicators", "Indicateurs Qualiopi", "Qualiopi indicators"),
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
