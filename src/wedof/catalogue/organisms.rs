//! The account's own organism. The list of all organisms may be refused, or be a directory of strangers, so only
//! `/organisms/me` is read.

use super::{Evidence, Group, Identity, Resource, Way, digits, id, instant, plain};
use crate::spec::ResourceName;

pub static RESOURCE: Resource = Resource {
    name: ResourceName::Organisms,
    ways: &[Way::Object { path: "organisms/me" }],
    identity: Identity::Own(&[digits("siret"), digits("siretNumber"), digits("id")]),
    filters: &[],
    first: &[],
    suivi: &["siret", "name", "email", "phoneNumber", "zipCode", "city"],
    groups: &[Group {
        prefix: "",
        fields: &[
            id("siret", "SIRET", "SIRET"),
            plain("name", "Nom", "Name"),
            plain("legalName", "Dénomination légale", "Legal name"),
            plain("raisonSociale", "Raison sociale", "Company name"),
            id("siretNumber", "N° SIRET", "SIRET no."),
            plain("id", "N°", "No."),
            id("siren", "SIREN", "SIREN"),
            plain("email", "E-mail", "E-mail").personal(),
            id("phoneNumber", "Téléphone", "Phone").personal(),
            id("zipCode", "Code postal", "Postcode"),
            plain("city", "Ville", "City"),
            instant("createdOn", "Créé le", "Created on"),
            instant("updatedOn", "Modifié dans Wedof le", "Updated in Wedof on"),
        ],
    }],
    whole: &["metadata"],
    person: false,
    evidence: Evidence::Production,
    instead: None,
};
