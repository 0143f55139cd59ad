//! Records as a training organism's account holds them: every field that Wedof is known to send, filled from a seed.
//! Names are invented. Each record depends on its own number only, so that a longer list begins like a shorter one.

use serde_json::{Value, json};

use super::{
    dice::{Dice, iso, slug},
    texts,
};

/// The organism that owns the account, for the links of its records.
#[derive(Debug, Clone)]
pub struct Organism {
    pub siret: String,
    pub name: String,
    pub email: String,
}

impl Organism {
    pub fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed, 0, 0);
        let name = format!("{} {}", dice.pick(&texts::ORGANISMS), dice.pick(&texts::CITIES).1);
        Self {
            siret: dice.digits(14),
            email: format!("contact@{}.example.org", slug(&name)),
            name,
        }
    }

    pub fn to_json(&self, seed: u64) -> Value {
        let mut dice = Dice::new(seed, 0, 1);
        json!({
            "siret": self.siret,
            "name": self.name,
            "legalName": format!("SAS {}", self.name.to_uppercase()),
            "ape": "8559A",
            "agreement": dice.digits(11),
            "emails": [self.email],
            "phones": [dice.phone()],
            "urls": ["https://formation.example.org"],
            "address": dice.place(),
            "isTrainingOrganism": true,
            "isCertifierOrganism": false,
            "vat": null,
            "billingSoftware": null,
            "subscriptionTraining": {"type": "premium", "state": "active", "startDate": "2024-01-01T00:00:00.000Z"},
            "createdOn": "2023-11-06T08:15:30.120Z",
            "updatedOn": dice.instant(19_700, 600),
            "_links": {"self": {"href": format!("/api/organisms/{}", self.siret)}},
        })
    }

    fn link(&self) -> Value {
        json!({"href": format!("/api/organisms/{}", self.siret), "name": self.name, "siret": self.siret})
    }
}

pub fn user(organism: &Organism) -> Value {
    json!({
        "name": format!("Direction {}", organism.name),
        "email": organism.email,
        "_links": {"mainOrganism": {"href": format!("/api/organisms/{}", organism.siret), "siret": organism.siret}},
    })
}

/// The steps of a folder in order, with the day of its life on which each is reached.
const STEPS: [(&str, i64); 10] = [
    ("notProcessed", 0),
    ("validated", 2),
    ("accepted", 6),
    ("inTraining", 20),
    ("terminated", 60),
    ("serviceDoneDeclared", 63),
    ("serviceDoneDeclaredAttendee", 64),
    ("serviceDoneValidated", 70),
    ("billed", 72),
    ("paid", 95),
];

/// Ends that leave the ladder, and the last step before them.
const EXITS: [(&str, usize); 9] = [
    ("refusedByAttendee", 1),
    ("refusedByOrganism", 0),
    ("refusedByFinancer", 1),
    ("canceledByAttendee", 2),
    ("canceledByAttendeeNotRealized", 2),
    ("canceledByOrganism", 2),
    ("canceledByFinancer", 2),
    ("rejectedWithoutTitulaireSuite", 1),
    ("inControl", 7),
];

/// State, billing state and history of a folder created at that instant.
fn life(dice: &mut Dice, created: i64) -> (String, &'static str, Value, String) {
    let mut history = json!({"completionRateLastUpdate": null, "releasedDate": null});
    for (name, _) in STEPS
        .iter()
        .map(|(name, day)| (*name, *day))
        .chain(EXITS.iter().map(|(name, _)| (*name, 0)))
    {
        history[format!("{name}Date")] = Value::Null;
    }
    let exit = if dice.one_in(5) { Some(*dice.pick(&EXITS)) } else { None };
    let reached = match exit {
        Some((_, after)) => after,
        None => dice.below(STEPS.len() as i64) as usize,
    };
    let mut last = created;
    for (name, day) in &STEPS[..=reached] {
        last = created + day * 86_400_000 + dice.below(43_200_000);
        history[format!("{name}Date")] = json!(iso(last));
    }
    let (mut state, _) = STEPS[reached.min(7)];
    if state == "serviceDoneDeclaredAttendee" {
        state = "serviceDoneDeclared";
    }
    if let Some((name, _)) = exit {
        last += 86_400_000 + dice.below(43_200_000);
        history[format!("{name}Date")] = json!(iso(last));
        if name != "inControl" {
            state = name;
        }
    }
    let billing = match reached {
        0..=1 => "notBillable",
        2..=3 => "depositWait",
        4..=6 => "depositPaid",
        7 => "toBill",
        8 => "billed",
        _ => "paid",
    };
    (state.to_owned(), billing, history, iso(last))
}

pub fn registration_folder(seed: u64, number: u64, organism: &Organism) -> Value {
    let mut dice = Dice::new(seed, 1, number);
    let (kind, id) = identity(seed, number);
    let created = (19_650 + dice.below(420)) * 86_400_000 + dice.below(86_400_000);
    let (state, billing, history, last_update) = life(&mut dice, created);
    let (title, rs, certif, hours) = *dice.pick(&texts::TRAININGS);
    let session = format!("{}_{}_{:05}", organism.siret, slug(title), dice.below(99_999));
    let start = created / 86_400_000 + 20;
    let price = 450 + 5 * dice.below(500);
    // money as JSON writes it: 1290, not 1290.0
    let amount = |rate: i64| match price * rate % 100 {
        0 => json!(price * rate / 100),
        _ => json!((price * rate) as f64 / 100.0),
    };
    let completion = dice.below(101);
    let mut attendee = dice.attendee(number);
    attendee["poleEmploiId"] = if kind == "poleEmploi" {
        json!(format!("0{}A", dice.digits(6)))
    } else {
        Value::Null
    };
    attendee["poleEmploiDpt"] = if kind == "poleEmploi" {
        json!("069")
    } else {
        Value::Null
    };
    attendee["poleEmploiRegionCode"] = Value::Null;
    let billed = matches!(billing, "billed" | "paid");
    let training_action_info = json!({
        "title": title,
        "sessionStartDate": iso(start * 86_400_000),
        "sessionEndDate": iso((start + 40) * 86_400_000),
        "sessionId": session,
        "trainingActionId": format!("{}_{}/{}_action", organism.siret, slug(title), slug(title)),
        "externalId": format!("{}_{}-action", organism.siret, slug(title)),
        "totalExcl": amount(100),
        "totalIncl": amount(120),
        "vat": 20,
        "additionalFees": dice.maybe(2, json!(0)),
        "vatExclTax5": null,
        "vatInclTax5": null,
        "vatExclTax20": amount(100),
        "vatInclTax20": amount(120),
        "indicativeDuration": hours,
        "weeklyDuration": dice.maybe(3, json!(3.5)),
        "hoursInCenter": dice.maybe(2, json!(hours)),
        "trainingPaces": if dice.one_in(3) { json!([]) } else { json!(["3", "1", "5"]) },
        "content": texts::CONTENT,
        "trainingGoal": texts::GOAL,
        "expectedResult": null,
        "teachingModalities": "2",
        "quitReason": null,
        "externalLink": null,
        "trainingCompletionRate": null,
        "address": if dice.one_in(3) { dice.place() } else { json!({"id": null}) },
    });
    let link = |verb: &str| json!({"href": format!("/api/registrationFolders/{id}/{verb}")});
    let links = json!({
        "self": {"href": format!("/api/registrationFolders/{id}")},
        "validate": link("validate"),
        "inTraining": link("inTraining"),
        "terminate": link("terminate"),
        "serviceDone": link("serviceDone"),
        "refuse": link("refuse"),
        "cancel": link("cancel"),
        "billing": link("billing"),
        "session": {"href": format!("/api/sessions/{session}")},
        "payments": {"href": format!("/api/payments?registrationFolderId={id}")},
        "trainingAction": {"href": format!("/api/trainingActions/{}_{}-action", organism.siret, slug(title))},
        "activities": {"href": format!("/api/activities/RegistrationFolder/{id}")},
        "organism": organism.link(),
        "certification": certification(rs, certif, title),
    });
    json!({
        "externalId": id,
        "type": kind,
        "state": state,
        "billingState": billing,
        "attendeeState": "serviceDoneNotDeclared",
        "controlState": if history["inControlDate"].is_null() { "notInControl" } else { "inControl" },
        "createdOn": iso(created),
        "updatedOn": last_update,
        "lastUpdate": last_update,
        "completionRate": dice.maybe(3, json!(completion)),
        "notes": dice.notes(number),
        "description": if dice.one_in(6) { json!("Parcours individualisé\nSession du soir") } else { json!("") },
        "externalLink": "",
        "tags": dice.tags(),
        "files": dice.files(&id, "registrationFolder"),
        "metadata": if dice.one_in(7) { json!({"origine": "salon", "relance": "2"}) } else { json!({}) },
        "withPoleEmploi": kind == "poleEmploi",
        "isAllowActions": true,
        "dataProviderId": null,
        "permalink": format!("https://test.wedof.fr/dossier-formation-{id}"),
        "attendeeLink": format!("https://test.wedof.fr/apprenant-{:x}", dice.below(i64::MAX)),
        "billId": if billed { json!(dice.digits(6)) } else { Value::Null },
        "billNumber": if billed { json!(format!("FA2024{:04}", number % 10_000)) } else { Value::Null },
        "amountHt": amount(100),
        "amountHtNet": dice.maybe(2, amount(100)),
        "amountTtc": amount(120),
        "amountToInvoice": dice.maybe(2, amount(120)),
        "amountCGU": dice.maybe(4, json!(price as f64 * 0.0525)),
        "vatAmount5": null,
        "vatHtAmount5": null,
        "vatAmount20": amount(20),
        "vatHtAmount20": amount(100),
        "history": history,
        "attendee": attendee,
        "trainingActionInfo": training_action_info,
        "_links": links,
    })
}

/// Kind and external id of a folder: 14 digits as CPF folders have them, some with leading zeros; other funders write
/// letters.
fn identity(seed: u64, number: u64) -> (&'static str, String) {
    let mut dice = Dice::new(seed, 3, number);
    let kind = *dice.pick(&[
        "cpf",
        "cpf",
        "cpf",
        "individual",
        "poleEmploi",
        "company",
        "opco",
        "opcoCfa",
        "kairosAif",
    ]);
    let mixed = scrambled(number, seed);
    let id = match kind {
        "opco" | "opcoCfa" => format!("OPCO-{mixed:010}"),
        _ if dice.one_in(8) => format!("00{:02}{mixed:010}", seed % 90 + 10),
        _ => format!("19{:02}{mixed:010}", seed % 90 + 10),
    };
    (kind, id)
}

/// A bijection of 32 bits: the ids of one account never repeat and are in no order.
fn scrambled(number: u64, seed: u64) -> u32 {
    (number as u32).wrapping_add(1).wrapping_mul(2_654_435_761) ^ seed as u32
}

fn certification(code: &str, certif_info: &str, name: &str) -> Value {
    json!({
        "href": format!("/api/certifications/{certif_info}"),
        "name": name,
        "certifInfo": certif_info,
        "externalId": code,
        "id": certif_info.parse::<i64>().unwrap_or(1) % 97,
        "enabled": true,
    })
}

pub fn certification_folder(seed: u64, number: u64, organism: &Organism) -> Value {
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
    let mut dice = Dice::new(seed, 2, number);
    let certifier = Organism::new(seed ^ 0xce);
    let id = 1000 + number;
    let external = format!("{id}-{:010}", scrambled(number, seed ^ 0x5a5a));
    let created = (19_700 + dice.below(380)) * 86_400_000 + dice.below(86_400_000);
    let reached = dice.below(STATES.len() as i64) as usize;
    let state = STATES[reached];
    let mut history = json!({"inTrainingStartedDate": null, "inTrainingEndedDate": null});
    let mut last = created;
    for (at, name) in STATES.iter().enumerate() {
        let passed = at == reached || at < reached.min(4);
        if passed {
            last = created + at as i64 * 9 * 86_400_000 + dice.below(43_200_000);
        }
        history[format!("{name}Date")] = if passed { json!(iso(last)) } else { Value::Null };
    }
    let (title, rs, certif, _) = *dice.pick(&texts::TRAININGS);
    let examined = reached >= 2;
    let exam_day = iso((created / 86_400_000 + 30) * 86_400_000);
    let success = state == "success";
    let mut attendee = dice.attendee(number);
    attendee["employmentStatus"] = dice.maybe(2, json!("employee"));
    attendee["externalId"] = Value::Null;
    attendee["lastLogin"] = Value::Null;
    let link = |verb: &str| json!({"href": format!("/api/certificationFolders/{external}/{verb}")});
    let (folder_kind, folder) = identity(seed, number);
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
        "certification": certification(rs, certif, title),
        "registrationFolder": {
            "href": format!("/api/registrationFolders/{folder}"),
            "externalId": folder,
            "type": folder_kind,
            "state": "accepted",
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
        "updatedOn": iso(last + dice.below(5_000_000_000)),
        "enrollmentDate": dice.maybe(3, json!(iso(created / 86_400_000 * 86_400_000))),
        "examinationDate": if examined { json!(exam_day) } else { Value::Null },
        "examinationEndDate": if examined { json!(exam_day) } else { Value::Null },
        "issueDate": if success { json!(dice.day(created / 86_400_000 + 40, 10)) } else { Value::Null },
        "expirationDate": null,
        "examinationPlace": if examined { json!(dice.pick(&texts::CITIES).1) } else { Value::Null },
        "examinationType": if examined { json!(dice.pick(&["A_DISTANCE", "EN_PRESENTIEL", "MIXTE"])) } else { Value::Null },
        "examinationCenterZipCode": if examined { json!("01000") } else { Value::Null },
        "detailedResult": if success { json!("Score : 785/990") } else { Value::Null },
        "digitalProofLink": null,
        "certificateId": if success { json!(format!("00{}", dice.digits(8))) } else { Value::Null },
        "gradePass": if success { json!(dice.pick(&["SANS_MENTION", "MENTION_ASSEZ_BIEN", "MENTION_BIEN"])) } else { Value::Null },
        "europeanLanguageLevel": if success { json!(dice.pick(&["C2", "C1", "B2", "B1", "A2", "A1"])) } else { Value::Null },
        "optionName": null,
        "accessModality": dice.maybe(2, json!("FORMATION_CONTINUE_HORS_CONTRAT_DE_PROFESSIONNALISATION")),
        "accessModalityVae": null,
        "verbatim": null,
        "comment": dice.notes(number),
        "certifiedData": success,
        "inTraining": dice.one_in(4),
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

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_records_and_another_seed_others() {
        let organism = Organism::new(7);
        let record = registration_folder(7, 3, &organism);
        assert_eq!(record, registration_folder(7, 3, &organism));
        assert_ne!(record, registration_folder(8, 3, &organism));
        assert_ne!(record["externalId"], registration_folder(7, 4, &organism)["externalId"]);
    }

    #[test]
    fn ids_never_repeat() {
        let organism = Organism::new(1);
        let ids: HashSet<_> = (0..2000)
            .map(|number| registration_folder(1, number, &organism)["externalId"].to_string())
            .collect();
        assert_eq!(ids.len(), 2000);
    }

    #[test]
    fn a_small_account_already_holds_the_oddities_that_break_naive_programs() {
        let organism = Organism::new(1);
        let text: String = (0..60)
            .map(|number| registration_folder(1, number, &organism).to_string())
            .collect();
        for odd in [
            "\"=1+1\"",
            "\\n",
            "🎓",
            "null",
            "[]",
            "é",
            "T00:00:00.000Z",
            "\"phoneNumber\":\"06",
            "\"00",
        ] {
            assert!(text.contains(odd), "{odd}");
        }
    }
}
