//! What hangs on one folder: payments, activities, surveys, working contracts; and the partners of a certification.

use serde_json::{Value, json};

use super::{DAY, Organism, certification, id_of, kind, number_of, text};
use crate::simulator::wedof::{
    dice::{Dice, iso},
    texts,
};

fn millis(instant: &str) -> i64 {
    instant
        .parse::<jiff::Timestamp>()
        .map_or(0, jiff::Timestamp::as_millisecond)
}

fn link_to(folder: &Value, class: &str) -> Value {
    let id = text(folder, "/externalId");
    json!({"href": format!("/api/{class}s/{id}"), "externalId": id})
}

/// A deposit once it is paid, the balance once the bill is: together what the folder invoices.
pub fn payments(folder: &Value) -> Vec<Value> {
    let id = text(folder, "/externalId");
    let total = ["amountToInvoice", "amountTtc"]
        .iter()
        .find_map(|name| folder[*name].as_f64())
        .unwrap_or_default();
    let deposit = (total * 25.0).round() / 100.0;
    let balance = ((total - deposit) * 100.0).round() / 100.0;
    let payment = |number: u8, kind: &str, amount: f64, date: &str, known: bool| {
        let mut payment = json!({
            "externalId": format!("{id}-P{number}"),
            "type": kind,
            "state": "issued",
            "amount": crate::simulator::wedof::query::money(amount),
            "lastUpdate": date,
            "_links": {"registrationFolder": link_to(folder, "registrationFolder")},
        });
        // Wedof sends no date for a payment that it only expects
        if known {
            payment["transactionDate"] = json!(date);
        }
        payment
    };
    let begun = match text(folder, "/history/inTrainingDate") {
        "" => text(folder, "/lastUpdate"),
        date => date,
    };
    let paid = match text(folder, "/history/paidDate") {
        "" => text(folder, "/lastUpdate"),
        date => date,
    };
    let waits = number_of(id).is_multiple_of(9);
    match text(folder, "/billingState") {
        "depositPaid" | "toBill" => vec![payment(1, "deposit", deposit, begun, true)],
        "billed" => vec![
            payment(1, "deposit", deposit, begun, true),
            payment(2, "bill", balance, text(folder, "/lastUpdate"), !waits),
        ],
        "paid" => vec![
            payment(1, "deposit", deposit, begun, true),
            payment(2, "bill", balance, paid, true),
        ],
        _ => Vec::new(),
    }
}

/// What was noted about a folder, in the order in which it happened.
pub fn activities(folder: &Value, class: &str, organism: &Organism) -> Vec<Value> {
    let id = text(folder, "/externalId");
    let mut dice = Dice::new(number_of(id), kind::FOLDER, 1);
    let first = millis(text(folder, "/createdOn"));
    let last = millis(text(folder, "/updatedOn")).max(first + DAY);
    let count = dice.below(5);
    (0..count)
        .map(|number| {
            let (kind, title) = texts::ACTIVITIES[(number * 2 + dice.below(2)).clamp(0, 7) as usize];
            let at = first + (last - first) / count * number + dice.below((last - first) / count);
            let end = at + (10 + dice.below(80)) * 60_000;
            let lower = format!("{}{}", class[..1].to_lowercase(), &class[1..]);
            let mut activity = json!({
                "id": number_of(id) % 90_000 * 10 + number as u64 + 1,
                "title": title,
                "type": kind,
                "description": if dice.one_in(3) { json!(dice.notes(99)) } else { Value::Null },
                "userEmail": organism.email,
                "eventTime": iso(at),
                "eventEndTime": if kind == "remark" { Value::Null } else { json!(iso(end)) },
                "dueDate": if dice.one_in(4) { json!(iso(at + 7 * DAY)) } else { Value::Null },
                "link": Value::Null,
                "origin": "manual",
                "qualiopiIndicators": if dice.one_in(2) { json!([]) } else { json!([1 + dice.below(16), 17 + dice.below(16)]) },
            });
            activity["_links"][lower.as_str()] = link_to(folder, &lower);
            activity
        })
        .collect()
}

/// Surveys follow certifications that were passed.
pub fn survey(folder: &Value) -> Option<Value> {
    const NAMES: [&str; 3] = ["initialExperience", "sixMonthExperience", "longTermExperience"];
    let passed = text(folder, "/history/successDate");
    if passed.is_empty() {
        return None;
    }
    let passed = millis(passed);
    let mut dice = Dice::new(number_of(text(folder, "/externalId")), kind::CERTIFICATION, 1);
    let answered = dice.below(4) as usize;
    let states = [
        "created",
        "beforeCertificationSuccess",
        "afterSixMonthsCertificationSuccess",
        "finished",
    ];
    let mut survey = json!({
        "id": folder["id"],
        "state": states[answered],
        "_links": {"certificationFolder": link_to(folder, "certificationFolder")},
    });
    for (at, name) in NAMES.iter().enumerate() {
        let from = passed + at as i64 * 180 * DAY;
        let done = at < answered;
        let when = |value: Value| if done { value } else { Value::Null };
        survey[format!("{name}StartDate")] = json!(iso(from));
        survey[format!("{name}AnsweredDate")] = when(json!(iso(from + dice.below(20 * DAY))));
        let experience = json!({
            "id": folder["id"].as_u64().unwrap_or_default() * 10 + at as u64,
            "qualification": dice.below(6) + 2,
            "certificationName": folder["_links"]["certification"]["name"],
            "job": *dice.pick(&["Assistant de gestion", "Formatrice indépendante", "Technicien", "Chargée de projet"]),
            "companyName": *dice.pick(&texts::EMPLOYERS),
            "salaryYearly": 21_000 + 500 * dice.below(40),
            "situation": *dice.pick(&["active", "searching", "training"]),
            "contractType": *dice.pick(&["cdi", "cdd", "independent"]),
            "executiveStatus": dice.one_in(4),
            "startDate": dice.day(from / DAY - 400, 390),
            "endDate": null,
            "createdOn": iso(from),
            "updatedOn": iso(from + DAY),
        });
        survey[*name] = when(experience);
    }
    Some(survey)
}

/// Apprentices have a working contract.
pub fn working_contract(folder: &Value) -> Option<Value> {
    if text(folder, "/type") != "opcoCfa" {
        return None;
    }
    let id = text(folder, "/externalId");
    let mut dice = Dice::new(number_of(id), kind::FOLDER, 2);
    let started = !folder["history"]["inTrainingDate"].is_null();
    let gone = text(folder, "/state").starts_with("canceled");
    let state = match (gone, started) {
        (true, _) => "broken",
        (false, true) => *dice.pick(&["accepted", "accepted", "completed"]),
        (false, false) => *dice.pick(&["draft", "sent", "pendingAcceptation"]),
    };
    let start = text(folder, "/trainingActionInfo/sessionStartDate");
    Some(json!({
        "id": id_of(id) % 900_000 + 100_000,
        "financer": *dice.pick(&["opcoCfaAkto", "opcoCfaEp", "opcoCfaOpcommerce", "opcoCfaMobilites"]),
        "state": state,
        "type": 11,
        "amount": folder["amountHt"],
        "externalIdTrainingOrganism": id,
        "externalIdDeca": format!("{}{}", dice.digits(3), dice.digits(9)),
        "startDate": start,
        "endDate": text(folder, "/trainingActionInfo/sessionEndDate"),
        "signedDate": iso(millis(start) - 12 * DAY),
        "breakingDate": if gone { folder["lastUpdate"].clone() } else { Value::Null },
        "amendmentDate": null,
        "lastUpdate": folder["lastUpdate"],
        "updatedOn": folder["updatedOn"],
        "_links": {
            "employer": {"name": *dice.pick(&texts::EMPLOYERS), "siret": dice.digits(14)},
            "registrationFolder": link_to(folder, "registrationFolder"),
        },
    }))
}

/// Organisms that prepare for a certification; `None` if it is none of ours.
pub fn partners(seed: u64, certif_info: &str, own: &Organism) -> Option<Vec<Value>> {
    let training = texts::TRAININGS
        .iter()
        .find(|training| training.certif_info == certif_info)?;
    let mut dice = Dice::new(seed, kind::PARTNER, id_of(certif_info));
    let count = 3 + dice.below(6) as u64;
    let others = (1..count).map(|number| Organism::new(seed ^ id_of(certif_info) << 8 ^ number));
    let partners = std::iter::once(own.clone()).chain(others).map(|organism| {
        let siret = &organism.siret;
        json!({
            "siret": siret,
            "name": organism.name,
            "state": *dice.pick(&["active", "active", "active", "processing", "draft", "suspended"]),
            "habilitation": *dice.pick(&["evaluate", "train", "train_evaluate"]),
            "compliance": *dice.pick(&["compliant", "partiallyCompliant", "nonCompliant", "inProgress"]),
            "stateLastUpdate": dice.instant(19_700, 380),
            "_links": {
                "self": {"href": format!("/api/certifications/{certif_info}/partners/{siret}")},
                "certification": certification(training.code, certif_info, training.title),
                "partner": organism.link(),
            },
        })
    });
    Some(partners.collect())
}

/// The numbers under which a code is known.
pub fn certif_infos(code: &str) -> Vec<Value> {
    let trainings = texts::TRAININGS.iter();
    trainings
        .filter(|training| training.code == code)
        .map(|training| json!(training.certif_info))
        .collect()
}
