//! Fields and filter values that several resources share.

use super::{Field, day, id, instant, plain};

pub const REGISTRATION_STATES: &[&str] = &[
    "all",
    "notProcessed",
    "validated",
    "waitingAcceptation",
    "accepted",
    "inTraining",
    "terminated",
    "serviceDoneDeclared",
    "serviceDoneValidated",
    "canceledByAttendee",
    "canceledByAttendeeNotRealized",
    "canceledByOrganism",
    "canceledByFinancer",
    "refusedByAttendee",
    "refusedByOrganism",
    "refusedByFinancer",
    "rejectedWithoutTitulaireSuite",
    "rejected",
    "rejectedWithoutCdcSuite",
    "rejectedWithoutOfSuite",
];

pub const REGISTRATION_TYPES: &[&str] = &[
    "all",
    "cpf",
    "individual",
    "poleEmploi",
    "company",
    "opco",
    "opcoCfa",
    "kairosAif",
];

pub const CERTIFICATION_STATES: &[&str] = &[
    "all",
    "toRegister",
    "registered",
    "toTake",
    "toControl",
    "success",
    "toRetake",
    "failed",
    "refused",
    "aborted",
];

pub const BOOLEANS: &[&str] = &["true", "false"];

pub const PERIODS: &[&str] = &[
    "custom",
    "today",
    "yesterday",
    "tomorrow",
    "currentWeek",
    "previousWeek",
    "nextWeek",
    "currentMonth",
    "previousMonth",
    "nextMonth",
    "currentYear",
    "previousYear",
    "nextYear",
    "rollingWeek",
    "rollingMonth",
    "rollingYear",
    "rollingWeekFuture",
    "rollingMonthFuture",
    "rollingYearFuture",
    "wedofInvoice",
];

/// The person of a folder, without what only one kind of folder has.
pub const ATTENDEE: &[Field] = &[
    plain("id", "Stagiaire : n°", "Trainee no."),
    plain("lastName", "Nom", "Last name").personal(),
    plain("firstName", "Prénom", "First name").personal(),
    plain("email", "E-mail", "E-mail").personal(),
    id("phoneNumber", "Téléphone", "Phone").personal(),
    id("phoneFixed", "Téléphone fixe", "Landline").personal(),
    plain("birthName", "Nom de naissance", "Birth name").personal(),
    plain("firstName2", "Deuxième prénom", "Second first name").personal(),
    plain("firstName3", "Troisième prénom", "Third first name").personal(),
    plain("gender", "Sexe", "Gender").personal(),
    plain("nameCityOfBirth", "Ville de naissance", "City of birth").personal(),
    id(
        "codeCityOfBirth",
        "Code de la ville de naissance",
        "Code of the city of birth",
    )
    .personal(),
    plain("nameCountryOfBirth", "Pays de naissance", "Country of birth").personal(),
    id(
        "codeCountryOfBirth",
        "Code du pays de naissance",
        "Code of the country of birth",
    )
    .personal(),
    day("dateOfBirth", "Date de naissance", "Date of birth").personal(),
    plain("degree", "Niveau de diplôme", "Degree level"),
    plain("degreeTitle", "Diplôme", "Degree"),
    plain("readOnly", "Stagiaire : lecture seule", "Trainee: read-only"),
    plain("cdcCompliant", "Stagiaire : conforme CDC", "Trainee: CDC compliant"),
];

pub const ADDRESS: &[Field] = &[
    id("number", "Adresse : n°", "Address: number").personal(),
    id("roadType", "Adresse : code du type de voie", "Address: road type code").personal(),
    plain("roadTypeLabel", "Adresse : type de voie", "Address: road type").personal(),
    plain("roadName", "Adresse : voie", "Address: road").personal(),
    plain("residence", "Adresse : résidence", "Address: residence").personal(),
    plain("additionalAddress", "Adresse : complément", "Address: additional").personal(),
    id("zipCode", "Code postal", "Postcode").personal(),
    plain("city", "Ville", "City").personal(),
    plain("country", "Pays", "Country").personal(),
    id("countryCode", "Code du pays", "Country code").personal(),
    plain("fullAddress", "Adresse", "Address").personal(),
    plain("line4", "Adresse : ligne 4", "Address: line 4").personal(),
    plain("corporateName", "Adresse : raison sociale", "Address: corporate name").personal(),
    id("postBox", "Adresse : boîte postale", "Address: post box").personal(),
    id(
        "repetitionIndex",
        "Adresse : code de l'indice de répétition",
        "Address: repetition index code",
    )
    .personal(),
    plain(
        "repetitionIndexLabel",
        "Adresse : indice de répétition",
        "Address: repetition index",
    )
    .personal(),
    id("id", "Adresse : identifiant", "Address: ID"),
    id("idAddress", "Adresse : identifiant de l'adresse", "Address: address ID"),
    plain("trainingSite", "Adresse : lieu de formation", "Address: training site"),
    plain(
        "informationSite",
        "Adresse : lieu d'information",
        "Address: information site",
    ),
    plain(
        "subscriptionSite",
        "Adresse : lieu d'inscription",
        "Address: subscription site",
    ),
    plain(
        "reducedMobilityAccessCompliant",
        "Adresse : accès PMR",
        "Address: reduced mobility access",
    ),
    plain(
        "reducedMobilityAccessModalities",
        "Adresse : modalités d'accès PMR",
        "Address: reduced mobility modalities",
    ),
];

/// `_links.certification`.
pub const CERTIFICATION: &[Field] = &[
    plain("name", "Certification", "Certification"),
    id("certifInfo", "Certif Info", "Certif Info"),
    id("externalId", "Code de la certification", "Certification code"),
    plain("id", "Certification : n°", "Certification no."),
    plain("enabled", "Certification active", "Certification enabled"),
];

/// When things happened to the record itself.
pub const RECORD: &[Field] = &[
    instant("createdOn", "Créé le", "Created on"),
    instant("updatedOn", "Modifié dans Wedof le", "Updated in Wedof on"),
];

/// What only the person of a certification folder has.
pub const ATTENDEE_MORE: &[Field] = &[
    plain("employmentStatus", "Situation professionnelle", "Employment status").personal(),
    id("externalId", "Stagiaire : identifiant", "Trainee ID"),
    instant("lastLogin", "Dernière connexion", "Last login").personal(),
    id("poleEmploiId", "Identifiant France Travail", "France Travail ID").personal(),
    id(
        "poleEmploiDpt",
        "Département France Travail",
        "France Travail department",
    )
    .personal(),
    id("poleEmploiRegionCode", "Région France Travail", "France Travail region").personal(),
];

/// The three questionnaires of a survey: at the beginning, six months and a year after.
pub const EXPERIENCE: [&[Field]; 3] = [
    &[
        plain("id", "Début de cursus : n°", "Initial: no."),
        plain("situation", "Début de cursus : situation", "Initial: situation").personal(),
        plain("job", "Début de cursus : métier", "Initial: job").personal(),
        plain("companyName", "Début de cursus : entreprise", "Initial: company").personal(),
        plain(
            "contractType",
            "Début de cursus : type de contrat",
            "Initial: contract type",
        )
        .personal(),
        plain("executiveStatus", "Début de cursus : cadre", "Initial: executive").personal(),
        plain(
            "salaryYearly",
            "Début de cursus : salaire annuel",
            "Initial: yearly salary",
        )
        .personal(),
        plain(
            "qualification",
            "Début de cursus : qualification",
            "Initial: qualification",
        )
        .personal(),
        plain(
            "certificationName",
            "Début de cursus : certification",
            "Initial: certification",
        ),
        day("startDate", "Début de cursus : du", "Initial: from"),
        day("endDate", "Début de cursus : au", "Initial: to"),
        instant("createdOn", "Début de cursus : créé le", "Initial: created on"),
        instant("updatedOn", "Début de cursus : modifié le", "Initial: updated on"),
    ],
    &[
        plain("id", "6 mois : n°", "6 months: no."),
        plain("situation", "6 mois : situation", "6 months: situation").personal(),
        plain("job", "6 mois : métier", "6 months: job").personal(),
        plain("companyName", "6 mois : entreprise", "6 months: company").personal(),
        plain("contractType", "6 mois : type de contrat", "6 months: contract type").personal(),
        plain("executiveStatus", "6 mois : cadre", "6 months: executive").personal(),
        plain("salaryYearly", "6 mois : salaire annuel", "6 months: yearly salary").personal(),
        plain("qualification", "6 mois : qualification", "6 months: qualification").personal(),
        plain("certificationName", "6 mois : certification", "6 months: certification"),
        day("startDate", "6 mois : du", "6 months: from"),
        day("endDate", "6 mois : au", "6 months: to"),
        instant("createdOn", "6 mois : créé le", "6 months: created on"),
        instant("updatedOn", "6 mois : modifié le", "6 months: updated on"),
    ],
    &[
        plain("id", "Un an : n°", "Long term: no."),
        plain("situation", "Un an : situation", "Long term: situation").personal(),
        plain("job", "Un an : métier", "Long term: job").personal(),
        plain("companyName", "Un an : entreprise", "Long term: company").personal(),
        plain("contractType", "Un an : type de contrat", "Long term: contract type").personal(),
        plain("executiveStatus", "Un an : cadre", "Long term: executive").personal(),
        plain("salaryYearly", "Un an : salaire annuel", "Long term: yearly salary").personal(),
        plain("qualification", "Un an : qualification", "Long term: qualification").personal(),
        plain("certificationName", "Un an : certification", "Long term: certification"),
        day("startDate", "Un an : du", "Long term: from"),
        day("endDate", "Un an : au", "Long term: to"),
        instant("createdOn", "Un an : créé le", "Long term: created on"),
        instant("updatedOn", "Un an : modifié le", "Long term: updated on"),
    ],
];

pub const MESSAGE_STATES: &[&str] = &[
    "sent",
    "notSent",
    "notSentUnauthorized",
    "notSentEnforcedConditions",
    "failed",
    "scheduled",
];
