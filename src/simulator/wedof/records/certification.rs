//! Certification folders: the examination that follows a registration folder, of the same person.

use serde_json::{Value, json};

use super::{DAY, Organism, TODAY, folder, kind, text};
use crate::simulator::wedof::{
    dice::{Dice, iso},
    texts,
};

const STATES: [&str; 9] = [
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

/// How far the examination is, by how far the training is.
fn state(dice: &mut Dice, folder: &str) -> usize {
    match folder {
        "notProcessed" | "validated" => 0,
        "accepted" => dice.below(2) as usize,
        "inTraining" => 1 + dice.below(2) as usize,
        "terminated" | "serviceDoneDeclared" => 2 + dice.below(2) as usize,
        "serviceDoneValidated" => *dice.pick(&[4, 4, 4, 4, 4, 3, 5, 6]),
        _ => 7 + dice.below(2) as usize,
    }
}

const FIRST_ID: u64 = 1000;

/// `1234-1234567890`: its number and another.
pub fn identity(seed: u64, number: u64) -> String {
    format!("{}-{:010}", FIRST_ID + number, folder::scrambled(number, seed ^ 0x5a5a))
}

pub fn make(seed: u64, number: u64, organism: &Organism) -> Value {
    let mut dice = Dice::new(seed, kind::CERTIFICATION, number);
    let certifier = Organism::new(seed ^ 0xce);
    let registration = folder::make(seed, number, organism);
    let id = FIRST_ID + number;
    let external = identity(seed, number);
    let end = instant(&registration, "/trainingActionInfo/sessionEndDate");
    let created = instant(&registration, "/createdOn") + DAY + dice.below(DAY);
    let reached = state(&mut dice, text(&registration, "/state"));
    let state = STATES[reached];
    let mut history = json!({
        "inTrainingStartedDate": registration["history"]["inTrainingDate"],
        "inTrainingEndedDate": registration["history"]["terminatedDate"],
    });
    // registered early, the rest in the weeks around the end of the training, nothing in the future
    let days = [0, 3, 1, 8, 15, 15, 15, 4, 4];
    let mut last = created;
    for (at, name) in STATES.iter().enumerate() {
        let passed = at == reached || at < reached.min(4) && reached < 7;
        if passed {
            let from = if (2..7).contains(&at) {
                end.max(created)
            } else {
                created
            };
            last = (from + days[at] * DAY + dice.below(DAY / 2))
                .min(TODAY * DAY - dice.below(5 * DAY))
                .max(last);
        }
        history[format!("{name}Date")] = if passed { json!(iso(last)) } else { Value::Null };
    }
    let examined = (2..7).contains(&reached);
    let exam_day = iso((end / DAY + 5) * DAY);
    let success = state == "success";
    let when = |holds: bool, value: Value| if holds { value } else { Value::Null };
    let mut attendee = registration["attendee"].clone();
    if let Value::Object(fields) = &mut attendee {
        fields.retain(|name, _| !name.starts_with("poleEmploi"));
    }
    attendee["employmentStatus"] = dice.maybe(2, json!("employee"));
    attendee["externalId"] = Value::Null;
    attendee["lastLogin"] = Value::Null;
    let link = |verb: &str| json!({"href": format!("/api/certificationFolders/{external}/{verb}")});
    let links = json!({
        "self": {"href": format!("/api/certificationFolders/{external}")},
        "register": link("register"),
        "refuse": link("refuse"),
        "take": link("take"),
        "control": link("control"),
        "retake": link("retake"),
        "fail": link("fail"),
        "success": link("success"),
        "abort": link("abort"),
        "activities": {"href": format!("/api/activities/CertificationFolder/{id}")},
        "certification": registration["_links"]["certification"],
        "registrationFolder": {
            "href": format!("/api/registrationFolders/{}", text(&registration, "/externalId")),
            "externalId": registration["externalId"],
            "type": registration["type"],
            "state": registration["state"],
        },
        "partner": organism.link(),
        "certifier": certifier.link(),
    });
    json!({
        "id": id,
        "externalId": external,
        "type": *dice.pick(&["CERTIFIE", "OF", "POLE_EMPLOI", "EMPLOYEUR", "AUTRE"]),
        "state": state,
        "stateLastUpdate": iso(last),
        "createdOn": iso(created),
        "updatedOn": iso(last + dice.below(3 * DAY)),
        "enrollmentDate": dice.maybe(3, json!(iso(created / DAY * DAY))),
        "examinationDate": when(examined, json!(exam_day)),
        "examinationEndDate": when(examined, json!(exam_day)),
        "issueDate": when(success, json!(dice.day(end / DAY + 16, 10))),
        "expirationDate": null,
        "examinationPlace": when(examined, json!(dice.pick(&texts::CITIES).1)),
        "examinationType": when(examined, json!(dice.pick(&["A_DISTANCE", "EN_PRESENTIEL", "MIXTE"]))),
        "examinationCenterZipCode": when(examined, json!("01000")),
        "detailedResult": when(success, json!(format!("Score : {}/990", 700 + dice.below(280)))),
        "digitalProofLink": null,
        "certificateId": when(success, json!(format!("00{}", dice.digits(8)))),
        "gradePass": when(success, json!(dice.pick(&["SANS_MENTION", "MENTION_ASSEZ_BIEN", "MENTION_BIEN"]))),
        "europeanLanguageLevel": when(success, json!(dice.pick(&["C2", "C1", "B2", "B1", "A2", "A1"]))),
        "optionName": null,
        "accessModality": dice.maybe(2, json!("FORMATION_CONTINUE_HORS_CONTRAT_DE_PROFESSIONNALISATION")),
        "accessModalityVae": null,
        "verbatim": null,
        "comment": dice.notes(number),
        "certifiedData": success,
        "inTraining": registration["state"] == "inTraining",
        "cdcToExport": success,
        "cdcCompliant": !dice.one_in(4),
        "cdcExcluded": false,
        "cdcState": if success { *dice.pick(&["exported", "processedOk", "processedKo"]) } else { "notExported" },
        "cdcTechnicalId": null,
        "amountHt": dice.maybe(3, json!(150)),
        "tags": dice.tags(),
        "files": dice.files(&external, "certificationFolder"),
        "permalink": format!("https://test.wedof.fr/dossier-certification-{external}"),
        "attendeeLink": format!("https://test.wedof.fr/candidat-{:x}", dice.below(i64::MAX)),
        "addToPassportLink": format!("https://test.wedof.fr/passeport-{:x}", dice.below(i64::MAX)),
        "history": history,
        "attendee": attendee,
        "_links": links,
    })
}

/// Milliseconds since 1970.
fn instant(record: &Value, pointer: &str) -> i64 {
    text(record, pointer)
        .parse::<jiff::Timestamp>()
        .map_or(TODAY * DAY, jiff::Timestamp::as_millisecond)
}
