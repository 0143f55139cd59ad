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
    plain("id", "Stagiaire : n°"),
    plain("lastName", "Nom").personal(),
    plain("firstName", "Prénom").personal(),
    plain("email", "E-mail").personal(),
    id("phoneNumber", "Téléphone").personal(),
    id("phoneFixed", "Téléphone fixe").personal(),
    plain("birthName", "Nom de naissance").personal(),
    plain("firstName2", "Deuxième prénom").personal(),
    plain("firstName3", "Troisième prénom").personal(),
    plain("gender", "Sexe").personal(),
    plain("nameCityOfBirth", "Ville de naissance").personal(),
    id("codeCityOfBirth", "Code de la ville de naissance").personal(),
    plain("nameCountryOfBirth", "Pays de naissance").personal(),
    id("codeCountryOfBirth", "Code du pays de naissance").personal(),
    day("dateOfBirth", "Date de naissance").personal(),
    plain("degree", "Niveau de diplôme"),
    plain("degreeTitle", "Diplôme"),
    plain("readOnly", "Stagiaire : lecture seule"),
    plain("cdcCompliant", "Stagiaire : conforme CDC"),
];

pub const ADDRESS: &[Field] = &[
    id("number", "Adresse : n°").personal(),
    id("roadType", "Adresse : code du type de voie").personal(),
    plain("roadTypeLabel", "Adresse : type de voie").personal(),
    plain("roadName", "Adresse : voie").personal(),
    plain("residence", "Adresse : résidence").personal(),
    plain("additionalAddress", "Adresse : complément").personal(),
    id("zipCode", "Code postal").personal(),
    plain("city", "Ville").personal(),
    plain("country", "Pays").personal(),
    id("countryCode", "Code du pays").personal(),
    plain("fullAddress", "Adresse").personal(),
    plain("line4", "Adresse : ligne 4").personal(),
    plain("corporateName", "Adresse : raison sociale").personal(),
    id("postBox", "Adresse : boîte postale").personal(),
    id("repetitionIndex", "Adresse : code de l'indice de répétition").personal(),
    plain("repetitionIndexLabel", "Adresse : indice de répétition").personal(),
    id("id", "Adresse : identifiant"),
    id("idAddress", "Adresse : identifiant de l'adresse"),
    plain("trainingSite", "Adresse : lieu de formation"),
    plain("informationSite", "Adresse : lieu d'information"),
    plain("subscriptionSite", "Adresse : lieu d'inscription"),
    plain("reducedMobilityAccessCompliant", "Adresse : accès PMR"),
    plain("reducedMobilityAccessModalities", "Adresse : modalités d'accès PMR"),
];

/// `_links.certification`.
pub const CERTIFICATION: &[Field] = &[
    plain("name", "Certification"),
    id("certifInfo", "Certif Info"),
    id("externalId", "Code de la certification"),
    plain("id", "Certification : n°"),
    plain("enabled", "Certification active"),
];

/// When things happened to the record itself.
pub const RECORD: &[Field] = &[
    instant("createdOn", "Créé le"),
    instant("updatedOn", "Modifié dans Wedof le"),
];
