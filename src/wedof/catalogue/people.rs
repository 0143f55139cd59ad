//! Persons: those who work with Wedof (users) and those who are trained (attendees).

use super::{
    Evidence, Group, Identity, Key, List, Order, Part, Resource, Way, digits, id, instant, list, plain,
    shared::{ADDRESS, ATTENDEE, ATTENDEE_MORE, RECORD},
};
use crate::{spec::ResourceName, table::KeyShape};

pub static USERS: Resource = Resource {
    name: ResourceName::Users,
    ways: &[
        Way::List(List {
            path: "users",
            order: Order::Unknown,
            fixed: &[],
            own_siret: true,
        }),
        Way::Object { path: "users/me" },
    ],
    // no client has shown an id; the e-mail is what users are known by
    identity: Identity::Own(&[
        Key {
            field: "email",
            shape: KeyShape::Email,
        },
        digits("id"),
    ]),
    filters: &[],
    first: &["email", "name", "lastName", "firstName", "phoneNumber"],
    suivi: &[
        "email",
        "name",
        "lastName",
        "firstName",
        "phoneNumber",
        "_links.mainOrganism.siret",
    ],
    groups: &[
        Group {
            prefix: "",
            fields: &[
                plain("email", "E-mail", "E-mail").personal(),
                plain("name", "Nom complet", "Full name").personal(),
                plain("lastName", "Nom", "Last name").personal(),
                plain("firstName", "Prénom", "First name").personal(),
                id("phoneNumber", "Téléphone", "Phone").personal(),
                plain("id", "N°", "No."),
                plain("roles", "Rôles", "Roles"),
                instant("lastLogin", "Dernière connexion", "Last login").personal(),
            ],
        },
        Group {
            prefix: "",
            fields: RECORD,
        },
        Group {
            prefix: "_links.mainOrganism.",
            fields: &[
                plain("name", "Organisme", "Organism"),
                id("siret", "SIRET de l'organisme", "Organism's SIRET"),
            ],
        },
    ],
    whole: &["metadata"],
    person: true,
    evidence: Evidence::Vendor,
    instead: None,
};

pub static ATTENDEES: Resource = Resource {
    name: ResourceName::Attendees,
    ways: &[
        list("attendees"),
        Way::Folders(&[
            Part {
                of: ResourceName::RegistrationFolders,
                field: "attendee",
                renamed: &[],
                dropped: &[],
                parent: None,
            },
            Part {
                of: ResourceName::CertificationFolders,
                field: "attendee",
                renamed: &[],
                dropped: &[],
                parent: None,
            },
        ]),
    ],
    identity: Identity::Own(&[digits("id")]),
    filters: &[],
    first: &[
        "id",
        "lastName",
        "firstName",
        "email",
        "phoneNumber",
        "dateOfBirth",
        "gender",
        "nameCountryOfBirth",
        "address.fullAddress",
        "address.zipCode",
        "address.city",
        "degreeTitle",
    ],
    suivi: &[
        "id",
        "lastName",
        "firstName",
        "email",
        "phoneNumber",
        "dateOfBirth",
        "gender",
        "nameCountryOfBirth",
        "address.fullAddress",
    ],
    groups: &[
        Group {
            prefix: "",
            fields: ATTENDEE,
        },
        Group {
            prefix: "",
            fields: ATTENDEE_MORE,
        },
        Group {
            prefix: "",
            fields: RECORD,
        },
        Group {
            prefix: "address.",
            fields: ADDRESS,
        },
    ],
    whole: &["metadata"],
    person: true,
    evidence: Evidence::Vendor,
    instead: None,
};
