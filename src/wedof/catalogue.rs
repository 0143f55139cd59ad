//! Wedof's resources as data: the ways in which each can be had, how its records are told apart, what may be asked of it
//! and what its fields are. A new resource is a table beside the others and a line in [`Resource::of`].

mod activities;
mod certification_folders;
mod certifications;
mod contracts;
mod files;
pub mod filters;
mod money;
mod organisms;
mod people;
mod personal;
mod registration_folders;
mod shared;
mod trainings;

pub use self::{
    filters::{Accepts, Filter},
    personal::{is_forbidden, names_a_person},
};
use crate::{
    spec::ResourceName,
    table::{KeyShape, Kind, Record, key_text},
};

/// One resource of Wedof.
#[derive(Debug)]
pub struct Resource {
    pub name: ResourceName,
    /// Tried in this order until one can be read.
    pub ways: &'static [Way],
    pub identity: Identity,
    pub filters: &'static [Filter],
    /// Paths of the columns that people use first, in this order; the other fields follow in the order of `groups`.
    pub first: &'static [&'static str],
    /// Columns of the preset `suivi`, in this order.
    pub suivi: &'static [&'static str],
    pub groups: &'static [Group],
    /// Paths that stay one cell of JSON: their keys are people's own, and each would become a column.
    pub whole: &'static [&'static str],
    /// A record is a person: fields that the catalogue does not know are personal, whatever their name.
    pub person: bool,
    pub evidence: Evidence,
    /// Where similar data is, for those who cannot read this.
    pub instead: Option<&'static str>,
}

/// One way to obtain the records of a resource.
#[derive(Debug, Clone, Copy)]
pub enum Way {
    /// A list read page by page.
    List(List),
    /// One object.
    Object { path: &'static str },
    /// Parts of the folders that are read.
    Folders(&'static [Part]),
    /// A list of each parent, asked for one by one.
    Each(&'static [Each]),
}

impl Way {
    /// The way for a person: "from registrationFolders".
    pub fn describe(&self) -> String {
        match self {
            Self::List(_) => "list".to_owned(),
            Self::Object { path } => format!("object {path}"),
            Self::Folders(parts) => {
                let folders: Vec<_> = parts.iter().map(|part| part.of.as_str()).collect();
                format!("from {}", folders.join(" and "))
            }
            Self::Each(each) => match each.first().map(|each| each.parents) {
                Some(Parents::Certifications { .. }) => "one list for each certification".to_owned(),
                _ => "one request for each folder".to_owned(),
            },
        }
    }
}

/// A list that is read page by page.
#[derive(Debug, Clone, Copy)]
pub struct List {
    /// Below the base URL.
    pub path: &'static str,
    pub order: Order,
    /// Parameters that every request has.
    pub fixed: &'static [(&'static str, &'static str)],
    /// Without the account's own SIRET as a parameter, the list is refused.
    pub own_siret: bool,
}

/// What is known of the order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// `sort=id&order=asc`: a record never moves up, a new one comes last.
    ById,
    /// Nothing: records may move between pages.
    Unknown,
}

/// A field of folders that holds one record, or a list of them.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    pub of: ResourceName,
    pub field: &'static str,
    /// Fields that have another name as a record of their own.
    pub renamed: &'static [(&'static str, &'static str)],
    /// Fields that belong to the folder and not to the part.
    pub dropped: &'static [&'static str],
    /// Field that takes the folder's key; parts that belong to one folder only.
    pub parent: Option<&'static str>,
}

/// The lists of all parents of one kind.
#[derive(Debug, Clone, Copy)]
pub struct Each {
    pub parents: Parents,
    /// `{}` stands for the parent's key.
    pub path: &'static str,
    /// The parameter that takes the parent's key, if it is not in the path.
    pub parameter: Option<&'static str>,
    /// Fields that every record gets; a value of `{}` is the parent's key.
    pub fields: &'static [(&'static str, &'static str)],
}

/// What has children.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parents {
    /// The folders that were read: as many requests as folders, so only within the request budget.
    Folders(ResourceName),
    /// The certifications of the filter of this name, or of the folders that were read.
    Certifications { filter: &'static str },
}

impl Parents {
    /// The folders whose children these are.
    pub fn folders(self) -> Option<ResourceName> {
        match self {
            Self::Folders(kind) => Some(kind),
            Self::Certifications { .. } => None,
        }
    }
}

impl List {
    /// The parameters that every request has.
    pub fn parameters(&self) -> impl Iterator<Item = (String, String)> {
        self.fixed
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
    }
}

/// Both kinds of folders, in the order in which they are read.
pub const FOLDERS: [ResourceName; 2] = [ResourceName::RegistrationFolders, ResourceName::CertificationFolders];

/// Where folders name their certification.
pub const CERTIF_INFO: &str = "_links.certification.certifInfo";

/// What tells the records of a resource apart.
#[derive(Debug, Clone, Copy)]
pub enum Identity {
    /// One of these fields, the preferred one first.
    Own(&'static [Key]),
    /// `PARENT/CHILD`, or `CHILD` where a list gives them all; CHILD is one of these fields.
    Child(&'static [&'static str]),
}

/// The field that holds the key of a child.
pub const CHILD_KEY: Key = Key {
    field: "key",
    shape: KeyShape::Slug,
};

/// A field that identifies records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    pub field: &'static str,
    pub shape: KeyShape,
}

impl Key {
    /// E-mails are never told in messages.
    pub fn is_personal(self) -> bool {
        self.shape == KeyShape::Email
    }
}

/// How sure we are that the resource exists as described: nobody outside Wedof has its documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Evidence {
    /// Programs in production read it.
    Production,
    /// Written by the vendor, or generated from the vendor's description.
    Vendor,
    /// Programs ask for it; none shows a real answer.
    Assumed,
}

/// Fields below one parent.
#[derive(Debug)]
pub struct Group {
    /// With its dot, or empty.
    pub prefix: &'static str,
    pub fields: &'static [Field],
}

/// A field that some client has seen.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    pub name: &'static str,
    /// French header text, unique in its resource.
    pub french: &'static str,
    /// English header text, unique in its resource.
    pub english: &'static str,
    pub kind: Kind,
    pub personal: bool,
}

impl Field {
    const fn of(name: &'static str, french: &'static str, english: &'static str, kind: Kind) -> Self {
        Self {
            name,
            french,
            english,
            kind,
            personal: false,
        }
    }

    const fn personal(mut self) -> Self {
        self.personal = true;
        self
    }
}

/// Text, number or boolean, as JSON has it.
const fn plain(name: &'static str, french: &'static str, english: &'static str) -> Field {
    Field::of(name, french, english, Kind::Plain)
}

/// Digits that are no number.
const fn id(name: &'static str, french: &'static str, english: &'static str) -> Field {
    Field::of(name, french, english, Kind::Identifier)
}

const fn day(name: &'static str, french: &'static str, english: &'static str) -> Field {
    Field::of(name, french, english, Kind::Day)
}

const fn instant(name: &'static str, french: &'static str, english: &'static str) -> Field {
    Field::of(name, french, english, Kind::Instant)
}

const fn slug(field: &'static str) -> Key {
    Key {
        field,
        shape: KeyShape::Slug,
    }
}

const fn digits(field: &'static str) -> Key {
    Key {
        field,
        shape: KeyShape::Digits,
    }
}

/// A list of which no order is known.
const fn list(path: &'static str) -> Way {
    Way::List(List {
        path,
        order: Order::Unknown,
        fixed: &[],
        own_siret: false,
    })
}

impl Resource {
    pub fn of(name: ResourceName) -> &'static Self {
        match name {
            ResourceName::Users => &people::USERS,
            ResourceName::Trainings => &trainings::TRAININGS,
            ResourceName::Sessions => &trainings::SESSIONS,
            ResourceName::Attendees => &people::ATTENDEES,
            ResourceName::RegistrationFolders => &registration_folders::RESOURCE,
            ResourceName::CertificationFolders => &certification_folders::RESOURCE,
            ResourceName::Organisms => &organisms::RESOURCE,
            ResourceName::Activities => &activities::RESOURCE,
            ResourceName::Evaluations => &certifications::EVALUATIONS,
            ResourceName::Invoices => &money::INVOICES,
            ResourceName::Payments => &money::PAYMENTS,
            ResourceName::TrainingActions => &trainings::TRAINING_ACTIONS,
            ResourceName::Surveys => &certifications::SURVEYS,
            ResourceName::WorkingContracts => &contracts::RESOURCE,
            ResourceName::CertificationPartners => &certifications::PARTNERS,
            ResourceName::RegistrationFolderFiles => &files::OF_REGISTRATION_FOLDERS,
            ResourceName::CertificationFolderFiles => &files::OF_CERTIFICATION_FOLDERS,
        }
    }

    /// Every known field with its path, in the order of the columns: `first` ones, then by group.
    pub fn fields(&self, first: &[&str]) -> Vec<(String, Field)> {
        let mut fields: Vec<(String, Field)> = self
            .groups
            .iter()
            .flat_map(|group| {
                group
                    .fields
                    .iter()
                    .map(|field| (format!("{}{}", group.prefix, field.name), *field))
            })
            .collect();
        // stable: fields that are not among the first keep their order
        fields.sort_by_key(|(path, _)| first.iter().position(|first| first == path).unwrap_or(usize::MAX));
        fields
    }

    /// Paths that may hold the key, each of which is read as one.
    pub fn key_paths(&self) -> Vec<&'static str> {
        match self.identity {
            Identity::Own(keys) => keys.iter().map(|key| key.field).collect(),
            Identity::Child(_) => vec![CHILD_KEY.field],
        }
    }

    /// The fields by which a record is known, as messages name them.
    pub fn key_names(&self) -> String {
        match self.identity {
            Identity::Own(keys) => keys.iter().map(|key| key.field).collect::<Vec<_>>().join(" or "),
            Identity::Child(fields) => fields.join(" or "),
        }
    }
}

/// The text at a dotted path of a record, as keys are compared.
pub fn text_at(record: &Record, path: &str) -> Option<String> {
    let (name, rest) = match path.split_once('.') {
        Some((name, rest)) => (name, Some(rest)),
        None => (path, None),
    };
    let value = record.get(name)?;
    match rest {
        Some(rest) => text_at(value.as_object()?, rest),
        None => key_text(value),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_path_and_label_is_given_once_and_every_named_path_is_a_field() {
        for name in ResourceName::ALL {
            let resource = Resource::of(name);
            assert_eq!(resource.name, name);
            let fields = resource.fields(resource.first);
            let once = |of: fn(&(String, Field)) -> String, what: &str| {
                let mut seen = BTreeSet::new();
                for field in &fields {
                    assert!(seen.insert(of(field)), "{name}: the {what} {} twice", of(field));
                }
                seen
            };
            let paths = once(|(path, _)| path.clone(), "path");
            once(|(_, field)| field.french.to_lowercase(), "French label");
            once(|(_, field)| field.english.to_lowercase(), "English label");
            for path in resource
                .first
                .iter()
                .chain(resource.suivi)
                .copied()
                .chain(resource.key_paths())
            {
                assert!(paths.contains(path), "{name}: {path} is no field");
            }
        }
    }

    #[test]
    fn every_resource_can_be_had_somehow_and_has_a_tracking_sheet() {
        for name in ResourceName::ALL {
            let resource = Resource::of(name);
            assert!(!resource.ways.is_empty(), "{name}");
            assert!(!resource.suivi.is_empty(), "{name}");
            let filters: BTreeSet<_> = resource.filters.iter().map(|filter| filter.name).collect();
            assert_eq!(filters.len(), resource.filters.len(), "{name}: a filter twice");
        }
    }

    #[test]
    fn the_columns_that_people_use_first_come_first() {
        let folders = Resource::of(ResourceName::RegistrationFolders);
        let fields = folders.fields(folders.first);
        let paths: Vec<_> = fields.iter().take(4).map(|(path, _)| path.as_str()).collect();
        assert_eq!(paths, ["externalId", "state", "type", "attendee.lastName"]);
        assert!(fields.len() > 110, "{}", fields.len());
    }

    #[test]
    fn a_text_is_found_below_its_parents() {
        let record = serde_json::json!({"_links": {"partner": {"siret": 12345678901234_u64}}, "id": " 7 "});
        let record = record.as_object().unwrap();
        assert_eq!(
            text_at(record, "_links.partner.siret").as_deref(),
            Some("12345678901234")
        );
        assert_eq!(text_at(record, "id").as_deref(), Some("7"));
        assert_eq!(text_at(record, "id.x"), None);
    }
}
