//! The account's own organism. The list of all organisms may be refused, or be a directory of strangers, so only
//! `/organisms/me` is read.

use super::{Evidence, Group, Key, Resource, Source, id, instant, plain};
use crate::{spec::ResourceName, table::KeyShape};

pub static RESOURCE: Resource = Resource {
    name: ResourceName::Organisms,
    path: "organisms/me",
    source: Source::Object,
    keys: &[
        Key {
            field: "siret",
            shape: KeyShape::Digits,
        },
        Key {
            field: "siretNumber",
            shape: KeyShape::Digits,
        },
        Key {
            field: "id",
            shape: KeyShape::Digits,
        },
    ],
    key_is_personal: false,
    fixed: &[],
    filters: &[],
    first: &[],
    groups: &[Group {
        prefix: "",
        fields: &[
            id("siret", "SIRET"),
            plain("name", "Nom"),
            plain("legalName", "Dénomination légale"),
            plain("raisonSociale", "Raison sociale"),
            id("siretNumber", "N° SIRET"),
            plain("id", "N°"),
            id("siren", "SIREN"),
            plain("email", "E-mail").personal(),
            id("phoneNumber", "Téléphone").personal(),
            id("zipCode", "Code postal"),
            plain("city", "Ville"),
            instant("createdOn", "Créé le"),
            instant("updatedOn", "Modifié dans Wedof le"),
        ],
    }],
    whole: &["metadata"],
    evidence: Evidence::Production,
};
