//! Lists of which little is known yet: their fields become columns by their paths.

use super::{Evidence, Group, Key, Order, Resource, Source, id};
use crate::{spec::ResourceName, table::KeyShape};

const KEYS: &[Key] = &[
    Key {
        field: "externalId",
        shape: KeyShape::Slug,
    },
    Key {
        field: "id",
        shape: KeyShape::Slug,
    },
];

const GROUPS: &[Group] = &[Group {
    prefix: "",
    fields: &[id("externalId", "Identifiant"), id("id", "N°")],
}];

const fn list(name: ResourceName, path: &'static str, evidence: Evidence) -> Resource {
    Resource {
        name,
        path,
        source: Source::List { order: Order::Unknown },
        keys: KEYS,
        key_is_personal: false,
        fixed: &[],
        filters: &[],
        first: &[],
        groups: GROUPS,
        whole: &["metadata"],
        evidence,
    }
}

pub static USERS: Resource = list(ResourceName::Users, "users", Evidence::Assumed);
pub static TRAININGS: Resource = list(ResourceName::Trainings, "trainings", Evidence::Assumed);
pub static SESSIONS: Resource = list(ResourceName::Sessions, "sessions", Evidence::Assumed);
pub static ATTENDEES: Resource = list(ResourceName::Attendees, "attendees", Evidence::Assumed);
pub static ACTIVITIES: Resource = list(ResourceName::Activities, "activities", Evidence::Assumed);
pub static EVALUATIONS: Resource = list(ResourceName::Evaluations, "evaluations", Evidence::Assumed);
pub static INVOICES: Resource = list(ResourceName::Invoices, "invoices", Evidence::Assumed);
pub static PAYMENTS: Resource = list(ResourceName::Payments, "payments", Evidence::Assumed);
pub static TRAINING_ACTIONS: Resource = list(ResourceName::TrainingActions, "trainingActions", Evidence::Assumed);
pub static SURVEYS: Resource = list(ResourceName::Surveys, "surveys", Evidence::Assumed);
pub static WORKING_CONTRACTS: Resource = list(ResourceName::WorkingContracts, "workingContracts", Evidence::Assumed);
pub static CERTIFICATION_PARTNERS: Resource = list(
    ResourceName::CertificationPartners,
    "certificationPartners",
    Evidence::Assumed,
);
pub static REGISTRATION_FOLDER_FILES: Resource = list(
    ResourceName::RegistrationFolderFiles,
    "registrationFolderFiles",
    Evidence::Assumed,
);
pub static CERTIFICATION_FOLDER_FILES: Resource = list(
    ResourceName::CertificationFolderFiles,
    "certificationFolderFiles",
    Evidence::Assumed,
);
