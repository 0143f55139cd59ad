//! Invoices and payments.

use super::{
    Accepts::AnySeveral, Each, Evidence, Group, Identity, Parents, Resource, Way, digits, filters::filter, id, instant,
    list, plain, shared::RECORD, slug,
};
use crate::spec::ResourceName;

pub static PAYMENTS: Resource = Resource {
    name: ResourceName::Payments,
    ways: &[
        list("payments"),
        Way::Each(&[Each {
            parents: Parents::Folders(ResourceName::RegistrationFolders),
            path: "payments",
            parameter: Some("registrationFolderId"),
            fields: &[("registrationFolderId", "{}")],
        }]),
    ],
    identity: Identity::Child(&["externalId", "id"]),
    filters: &[filter("type", AnySeveral), filter("state", AnySeveral)],
    first: &[
        "key",
        "registrationFolderId",
        "type",
        "state",
        "amount",
        "transactionDate",
    ],
    suivi: &[
        "key",
        "registrationFolderId",
        "type",
        "state",
        "amount",
        "transactionDate",
    ],
    groups: &[
        Group {
            prefix: "",
            fields: &[
                id("key", "Clé", "Key"),
                id("registrationFolderId", "N° de dossier", "Folder no."),
                id("externalId", "N° de paiement", "Payment no."),
                plain("id", "N°", "No."),
                plain("type", "Type", "Type"),
                plain("state", "Statut", "State"),
                plain("amount", "Montant", "Amount"),
                instant("transactionDate", "Versé le", "Paid out on"),
                instant("scheduledDate", "Prévu le", "Scheduled on"),
                instant("lastUpdate", "Dernière mise à jour", "Last update"),
                id("billNumber", "N° de facture", "Invoice no."),
            ],
        },
        Group {
            prefix: "",
            fields: RECORD,
        },
    ],
    whole: &["metadata"],
    person: false,
    evidence: Evidence::Production,
    instead: Some("registrationFolders have billingState, history.paidDate and amount* of each folder"),
};

pub static INVOICES: Resource = Resource {
    name: ResourceName::Invoices,
    ways: &[list("invoices")],
    identity: Identity::Own(&[slug("externalId"), digits("id"), slug("number")]),
    filters: &[],
    first: &["externalId", "number", "state", "amountHt", "amountTtc"],
    suivi: &["externalId", "number", "state", "amountHt", "amountTtc"],
    groups: &[
        Group {
            prefix: "",
            fields: &[
                id("externalId", "Identifiant", "External ID"),
                plain("id", "N°", "No."),
                id("number", "N° de facture", "Invoice no."),
                plain("state", "Statut", "State"),
                plain("type", "Type", "Type"),
                plain("amountHt", "Montant HT", "Amount excl. tax"),
                plain("amountTtc", "Montant TTC", "Amount incl. tax"),
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
    instead: Some("registrationFolders have billId, billNumber, billingState and amount* of each folder"),
};
