//! What each list can be sorted and filtered by, as data.

/// A parameter's meaning.
#[derive(Debug)]
pub enum Choice {
    /// Paths that may have one of the values; no known values = any.
    OneOf(&'static [&'static str], &'static [&'static str]),
    /// Compared with the part of the field before a slash.
    Before(&'static str),
    /// A list that has one of the values.
    Has(&'static str),
    Is(&'static str),
    /// A percentage by the bounds that Wedof's form offers.
    Rate(&'static str, &'static [&'static str]),
    /// The same of the registration folder of a certification folder.
    FolderRate(&'static [&'static str]),
    /// So many days or more since the instant at the path.
    DaysSince(&'static str),
    /// Records of another resource have one of the values; theirs and ours share an id.
    Joined {
        resource: &'static str,
        paths: &'static [&'static str],
        known: &'static [&'static str],
        /// Path of the id in the other resource, and in this one.
        id: &'static str,
        own: &'static str,
    },
    /// Checked, but no record is left out.
    Known(&'static [&'static str]),
    /// No record has any of the values.
    Nobody(&'static [&'static str]),
}

#[derive(Debug)]
pub struct Rules {
    /// Names and paths; the first is the default. None = records come in the order in which they were made.
    pub sorts: &'static [(&'static str, Option<&'static str>)],
    /// Whether that is the default order.
    pub descending: bool,
    /// Paths that `query` looks into.
    pub searched: &'static [&'static str],
    pub choices: &'static [(&'static str, Choice)],
    /// Which dates `filterOnStateDate` knows.
    pub dates: Dates,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dates {
    None,
    Registration,
    Certification,
}

use Choice::{Before, DaysSince, FolderRate, Has, Is, Joined, Known, Nobody, OneOf, Rate};

pub const REGISTRATION_STATES: [&str; 19] = [
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
    "rejected",
    "rejectedWithoutTitulaireSuite",
    "rejectedWithoutCdcSuite",
    "rejectedWithoutOfSuite",
];
pub const CERTIFICATION_STATES: [&str; 9] = [
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
const TYPES: [&str; 7] = [
    "cpf",
    "individual",
    "poleEmploi",
    "company",
    "opco",
    "opcoCfa",
    "kairosAif",
];
const BILLING_STATES: [&str; 6] = ["notBillable", "depositWait", "depositPaid", "toBill", "billed", "paid"];
const CONTROL_STATES: [&str; 3] = ["notInControl", "inControl", "released"];
const CDC_STATES: [&str; 4] = ["notExported", "exported", "processedOk", "processedKo"];
const SURVEY_STATES: [&str; 4] = [
    "created",
    "beforeCertificationSuccess",
    "afterSixMonthsCertificationSuccess",
    "finished",
];
const FINANCERS: [&str; 4] = ["opcoCfaAkto", "opcoCfaEp", "opcoCfaOpcommerce", "opcoCfaMobilites"];
const CONTRACT_STATES: [&str; 8] = [
    "draft",
    "sent",
    "pendingAcceptation",
    "accepted",
    "cancelled",
    "refused",
    "broken",
    "completed",
];
const PARTNER_STATES: [&str; 7] = [
    "draft",
    "processing",
    "active",
    "aborted",
    "refused",
    "suspended",
    "revoked",
];
const COMPLIANCES: [&str; 4] = ["compliant", "partiallyCompliant", "nonCompliant", "inProgress"];

const PLAIN: Rules = Rules {
    sorts: &[],
    descending: false,
    searched: &[],
    choices: &[],
    dates: Dates::None,
};

const REGISTRATION_FOLDERS: Rules = Rules {
    sorts: &[
        ("lastUpdate", Some("/lastUpdate")),
        ("id", None),
        ("firstName", Some("/attendee/firstName")),
        ("lastName", Some("/attendee/lastName")),
    ],
    descending: true,
    searched: &[
        "/externalId",
        "/attendee/firstName",
        "/attendee/lastName",
        "/attendee/email",
        "/attendee/phoneNumber",
        "/trainingActionInfo/title",
    ],
    choices: &[
        ("state", OneOf(&["/state"], &REGISTRATION_STATES)),
        ("billingState", OneOf(&["/billingState"], &BILLING_STATES)),
        ("controlState", OneOf(&["/controlState"], &CONTROL_STATES)),
        (
            "certificationFolderState",
            Joined {
                resource: "certificationFolders",
                paths: &["/state"],
                known: &CERTIFICATION_STATES,
                id: "/_links/registrationFolder/externalId",
                own: "/externalId",
            },
        ),
        ("type", OneOf(&["/type"], &TYPES)),
        ("proposalCode", Nobody(&[])),
        ("certifInfo", OneOf(&["/_links/certification/certifInfo"], &[])),
        ("tags", Has("/tags")),
        ("trainingId", Before("/trainingActionInfo/trainingActionId")),
        (
            "trainingActionId",
            OneOf(
                &["/trainingActionInfo/trainingActionId", "/trainingActionInfo/externalId"],
                &[],
            ),
        ),
        ("sessionId", OneOf(&["/trainingActionInfo/sessionId"], &[])),
        (
            "completionRate",
            Rate("/completionRate", &["0", "25<", "25<>80", ">80", "100"]),
        ),
        (
            "daysSinceLastUpdatedCompletionRate",
            DaysSince("/history/completionRateLastUpdate"),
        ),
        ("siret", OneOf(&["/_links/organism/siret"], &[])),
        ("organismType", Known(&["self", "partners"])),
        ("messageState", Known(&[])),
        ("messageTemplate", Known(&[])),
        ("columnId", Known(&[])),
        ("format", Known(&["json"])),
    ],
    dates: Dates::Registration,
};

const CERTIFICATION_FOLDERS: Rules = Rules {
    sorts: &[
        ("stateLastUpdate", Some("/stateLastUpdate")),
        ("successDate", Some("/history/successDate")),
        ("id", None),
    ],
    descending: true,
    searched: &[
        "/externalId",
        "/attendee/firstName",
        "/attendee/lastName",
        "/attendee/email",
        "/attendee/phoneNumber",
        "/_links/certification/name",
    ],
    choices: &[
        ("state", OneOf(&["/state"], &CERTIFICATION_STATES)),
        ("cdcState", OneOf(&["/cdcState"], &CDC_STATES)),
        ("cdcExcluded", Is("/cdcExcluded")),
        ("cdcCompliant", Is("/cdcCompliant")),
        ("cdcToExport", Is("/cdcToExport")),
        (
            "registrationFolderState",
            OneOf(&["/_links/registrationFolder/state"], &REGISTRATION_STATES),
        ),
        (
            "registrationFolderType",
            OneOf(&["/_links/registrationFolder/type"], &TYPES),
        ),
        ("registrationFolderCompletionRate", FolderRate(&["<80", ">80"])),
        ("survey", Known(&[])),
        ("certifInfo", OneOf(&["/_links/certification/certifInfo"], &[])),
        ("tags", Has("/tags")),
        (
            "siret",
            OneOf(&["/_links/partner/siret", "/_links/certifier/siret"], &[]),
        ),
        ("messageState", Known(&[])),
        ("messageTemplate", Known(&[])),
        ("columnId", Known(&[])),
        ("format", Known(&["json"])),
    ],
    dates: Dates::Certification,
};

const SURVEYS: Rules = Rules {
    sorts: &[("id", None)],
    choices: &[
        ("state", OneOf(&["/state"], &SURVEY_STATES)),
        (
            "certifInfo",
            Joined {
                resource: "certificationFolders",
                paths: &["/_links/certification/certifInfo"],
                known: &[],
                id: "/externalId",
                own: "/_links/certificationFolder/externalId",
            },
        ),
    ],
    ..PLAIN
};

const WORKING_CONTRACTS: Rules = Rules {
    choices: &[
        ("financer", OneOf(&["/financer"], &FINANCERS)),
        ("state", OneOf(&["/state"], &CONTRACT_STATES)),
    ],
    ..PLAIN
};

const PAYMENTS: Rules = Rules {
    sorts: &[("lastUpdate", Some("/lastUpdate"))],
    choices: &[("type", OneOf(&["/type"], &[])), ("state", OneOf(&["/state"], &[]))],
    ..PLAIN
};

const PARTNERS: Rules = Rules {
    sorts: &[
        ("name", Some("/name")),
        ("state", Some("/state")),
        ("stateLastUpdate", Some("/stateLastUpdate")),
    ],
    searched: &["/name", "/siret"],
    choices: &[
        ("state", OneOf(&["/state"], &PARTNER_STATES)),
        ("compliance", OneOf(&["/compliance"], &COMPLIANCES)),
        ("certifierAccessState", Known(&[])),
        ("connectionIssue", Known(&[])),
    ],
    ..PLAIN
};

/// The rules of a resource's list; those of which nothing is known have neither sorts nor filters.
pub fn of(resource: &str) -> &'static Rules {
    match resource {
        "registrationFolders" => &REGISTRATION_FOLDERS,
        "certificationFolders" => &CERTIFICATION_FOLDERS,
        "surveys" => &SURVEYS,
        "workingContracts" => &WORKING_CONTRACTS,
        "payments" => &PAYMENTS,
        "partners" => &PARTNERS,
        _ => &PLAIN,
    }
}

impl Rules {
    /// Names of the parameters, for the OpenAPI document.
    pub fn parameters(&self) -> Vec<&'static str> {
        let mut names = vec!["page", "limit"];
        if !self.sorts.is_empty() {
            names.extend(["sort", "order"]);
        }
        if !self.searched.is_empty() {
            names.push("query");
        }
        names.extend(self.choices.iter().map(|(name, _)| *name));
        if self.dates != Dates::None {
            names.extend(["period", "filterOnStateDate", "since", "until"]);
        }
        names
    }
}
