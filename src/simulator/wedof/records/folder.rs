//! Registration folders: who takes part in which session of which training, how far that went and what it costs.

use serde_json::{Value, json};

use super::{DAY, Organism, TODAY, certification, kind};
use crate::simulator::wedof::{
    dice::{Dice, iso, slug},
    texts::{self, Training},
};

/// Learners who begin a training on the same day.
pub struct Session {
    number: u64,
    training: &'static Training,
    action: usize,
    /// Days since 1970.
    start: i64,
    end: i64,
}

impl Session {
    /// Three sessions fill at a time, a dozen folders each.
    pub fn of_folder(seed: u64, folder: u64) -> Self {
        let number = folder / 36 * 3 + folder % 3;
        let mut dice = Dice::new(seed, kind::SESSION, number);
        let training = dice.pick(&texts::TRAININGS);
        // most sessions are over, some go on, some are to come; they begin on a Monday
        let start = (TODAY - 420 + dice.below(480)) / 7 * 7 + 4;
        Self {
            number,
            training,
            action: dice.below(texts::ACTIONS.len() as i64) as usize,
            start,
            end: start + training.weeks * 7 - 3,
        }
    }

    fn id(&self, organism: &Organism) -> String {
        format!(
            "{}_{}_{:05}",
            organism.siret,
            slug(self.training.title),
            self.number + 1
        )
    }

    fn action_slug(&self) -> String {
        format!("{}-{}", slug(self.training.title), texts::ACTIONS[self.action].0)
    }

    /// Where the training is given: the same for all sessions of an action.
    fn place(&self, seed: u64) -> Value {
        if !texts::ACTIONS[self.action].2 {
            return json!({"id": null});
        }
        let site = super::number_of(&self.action_slug()) % 4;
        Dice::new(seed, kind::SITE, site).place()
    }
}

/// The steps of a folder in order.
const STEPS: [&str; 10] = [
    "notProcessed",
    "validated",
    "accepted",
    "inTraining",
    "terminated",
    "serviceDoneDeclared",
    "serviceDoneDeclaredAttendee",
    "serviceDoneValidated",
    "billed",
    "paid",
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

/// How far a folder came.
struct Life {
    created: i64,
    state: &'static str,
    billing: &'static str,
    history: Value,
    last: i64,
}

impl Life {
    fn new(dice: &mut Dice, session: &Session) -> Self {
        let (start, end) = (session.start * DAY, session.end * DAY);
        let created = start - (16 + dice.below(30)) * DAY - dice.below(DAY);
        let mut noise = || dice.below(DAY / 2);
        let times = [
            created,
            created + 2 * DAY + noise(),
            created + 5 * DAY + noise(),
            start + noise(),
            end + DAY / 2 + noise(),
            end + 2 * DAY + noise(),
            end + 3 * DAY + noise(),
            end + 9 * DAY + noise(),
            end + 11 * DAY + noise(),
            end + 37 * DAY + noise(),
        ];
        let mut reached = times.iter().rposition(|time| *time < TODAY * DAY).unwrap_or_default();
        // some are behind
        if dice.one_in(6) {
            reached = reached.saturating_sub(1 + dice.below(2) as usize);
        }
        let exit = if dice.one_in(7) { Some(*dice.pick(&EXITS)) } else { None };
        let exit = exit.filter(|(_, after)| *after <= reached);
        if let Some((_, after)) = exit {
            reached = after;
        }
        let mut history = json!({"completionRateLastUpdate": null, "releasedDate": null});
        for name in STEPS.iter().chain(EXITS.iter().map(|(name, _)| name)) {
            history[format!("{name}Date")] = Value::Null;
        }
        for (name, time) in STEPS.iter().zip(times).take(reached + 1) {
            history[format!("{name}Date")] = json!(iso(time));
        }
        let mut last = times[reached];
        let mut state = match reached {
            6 => STEPS[5],
            8.. => STEPS[7],
            step => STEPS[step],
        };
        if let Some((name, _)) = exit {
            last += DAY + dice.below(DAY / 2);
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
        Self {
            created,
            state,
            billing,
            history,
            last,
        }
    }

    fn reached(&self, step: &str) -> bool {
        !self.history[format!("{step}Date")].is_null()
    }
}

pub fn make(seed: u64, number: u64, organism: &Organism) -> Value {
    let mut dice = Dice::new(seed, kind::FOLDER, number);
    let (folder_kind, id) = identity(seed, number);
    let session = Session::of_folder(seed, number);
    let Training { title, hours, .. } = *session.training;
    let mut life = Life::new(&mut dice, &session);
    let completion = match (life.reached("terminated"), life.reached("inTraining")) {
        (true, _) => json!(if dice.one_in(5) { 80 + dice.below(20) } else { 100 }),
        (false, true) => json!(dice.below(101)),
        _ => dice.maybe(2, json!(0)),
    };
    if life.reached("inTraining") {
        life.history["completionRateLastUpdate"] = json!(iso(life.last - dice.below(DAY)));
    }
    let price = session.training.price + if dice.one_in(4) { 5 * dice.below(60) } else { 0 };
    // money as JSON writes it: 1290, not 1290.0
    let amount = |hundredths: i64| match price * hundredths % 100 {
        0 => json!(price * hundredths / 100),
        _ => json!((price * hundredths) as f64 / 100.0),
    };
    let billed = matches!(life.billing, "billed" | "paid");
    let to_invoice = billed || life.billing == "toBill";
    let when = |holds: bool, value: Value| if holds { value } else { Value::Null };
    let session_id = session.id(organism);
    let training_slug = slug(title);
    let action_id = format!("{}_{}", organism.siret, session.action_slug());
    let cpf = folder_kind == "cpf";
    let training_action_info = json!({
        "title": title,
        "sessionStartDate": iso(session.start * DAY),
        "sessionEndDate": iso(session.end * DAY),
        "sessionId": session_id,
        "trainingActionId": format!("{}_{training_slug}/{}", organism.siret, session.action_slug()),
        "externalId": action_id,
        "totalExcl": amount(100),
        "totalIncl": amount(120),
        "vat": 20,
        "additionalFees": dice.maybe(2, json!(0)),
        "vatExclTax5": null,
        "vatInclTax5": null,
        "vatExclTax20": amount(100),
        "vatInclTax20": amount(120),
        "indicativeDuration": hours,
        "weeklyDuration": dice.maybe(3, json!((hours / session.training.weeks as f64 * 10.0).round() / 10.0)),
        "hoursInCenter": when(texts::ACTIONS[session.action].2, json!(hours)),
        "trainingPaces": if dice.one_in(3) { json!([]) } else { json!(["3", "1", "5"]) },
        "content": texts::CONTENT,
        "trainingGoal": texts::GOAL,
        "expectedResult": null,
        "teachingModalities": texts::ACTIONS[session.action].1,
        "quitReason": null,
        "externalLink": null,
        "trainingCompletionRate": null,
        "address": session.place(seed),
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
        "session": {"href": format!("/api/sessions/{session_id}")},
        "payments": {"href": format!("/api/payments?registrationFolderId={id}")},
        "trainingAction": {"href": format!("/api/trainingActions/{action_id}")},
        "activities": {"href": format!("/api/activities/RegistrationFolder/{id}")},
        "organism": organism.link(),
        "certification": certification(session.training.code, session.training.certif_info, title),
    });
    json!({
        "externalId": id,
        "type": folder_kind,
        "state": life.state,
        "billingState": life.billing,
        "attendeeState": "serviceDoneNotDeclared",
        "controlState": if life.reached("inControl") { "inControl" } else { "notInControl" },
        "createdOn": iso(life.created),
        "updatedOn": iso(life.last + dice.below(3 * DAY)),
        "lastUpdate": iso(life.last),
        "completionRate": completion,
        "notes": dice.notes(number),
        "description": if dice.one_in(6) { json!("Parcours individualisé\nSession du soir") } else { json!("") },
        "externalLink": "",
        "tags": dice.tags(),
        "files": dice.files(&id, "registrationFolder"),
        "metadata": if dice.one_in(7) { json!({"origine": "salon", "relance": "2"}) } else { json!({}) },
        "withPoleEmploi": folder_kind == "poleEmploi",
        "isAllowActions": true,
        "dataProviderId": null,
        "permalink": format!("https://test.wedof.fr/dossier-formation-{id}"),
        "attendeeLink": format!("https://test.wedof.fr/apprenant-{:x}", dice.below(i64::MAX)),
        "billId": when(billed, json!(dice.digits(6))),
        "billNumber": when(billed, json!(format!("FA2024{:04}", number % 10_000))),
        "amountHt": amount(100),
        "amountHtNet": dice.maybe(2, amount(100)),
        "amountTtc": amount(120),
        "amountToInvoice": when(to_invoice, amount(120)),
        "amountCGU": when(cpf && to_invoice, json!(price as f64 * 0.0525)),
        "vatAmount5": null,
        "vatHtAmount5": null,
        "vatAmount20": amount(20),
        "vatHtAmount20": amount(100),
        "history": life.history,
        "attendee": attendee(seed, person(seed, number)),
        "trainingActionInfo": training_action_info,
        "_links": links,
    })
}

/// Kind and external id of a folder: 14 digits as CPF folders have them, some with leading zeros; other funders write
/// letters.
pub fn identity(seed: u64, number: u64) -> (&'static str, String) {
    let mut dice = Dice::new(seed, kind::IDENTITY, number);
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
pub fn scrambled(number: u64, seed: u64) -> u32 {
    (number as u32).wrapping_add(1).wrapping_mul(2_654_435_761) ^ seed as u32
}

/// Whose folder it is: some people come back for a second training.
fn person(seed: u64, folder: u64) -> u64 {
    let mut dice = Dice::new(seed, kind::PERSON, folder);
    match folder > 0 && dice.one_in(12) {
        true => person(seed, dice.below(folder as i64) as u64),
        false => folder,
    }
}

fn attendee(seed: u64, person: u64) -> Value {
    let mut dice = Dice::new(seed, kind::ATTENDEE, person);
    let mut attendee = dice.attendee(person);
    let seeks_work = dice.one_in(5);
    attendee["poleEmploiId"] = match seeks_work {
        true => json!(format!("0{}A", dice.digits(6))),
        false => Value::Null,
    };
    attendee["poleEmploiDpt"] = if seeks_work { json!("069") } else { Value::Null };
    attendee["poleEmploiRegionCode"] = Value::Null;
    attendee
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_records_and_another_seed_others() {
        let organism = Organism::new(7);
        let record = make(7, 3, &organism);
        assert_eq!(record, make(7, 3, &organism));
        assert_ne!(record, make(8, 3, &organism));
        assert_ne!(record["externalId"], make(7, 4, &organism)["externalId"]);
    }

    #[test]
    fn ids_never_repeat() {
        let ids: HashSet<_> = (0..2000).map(|number| identity(1, number).1).collect();
        assert_eq!(ids.len(), 2000);
    }

    #[test]
    fn a_small_account_already_holds_the_oddities_that_break_naive_programs() {
        let organism = Organism::new(1);
        let text: String = (0..60).map(|number| make(1, number, &organism).to_string()).collect();
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

    #[test]
    fn states_agree_with_history_billing_and_amounts() {
        let organism = Organism::new(3);
        let mut states = HashSet::new();
        for number in 0..300 {
            let folder = make(3, number, &organism);
            let state = folder["state"].as_str().unwrap();
            states.insert(state.to_owned());
            assert!(folder["history"][format!("{state}Date")].is_string(), "{state}");
            let billed = ["billed", "paid"].contains(&folder["billingState"].as_str().unwrap());
            assert_eq!(billed, folder["billNumber"].is_string());
            let [ht, vat, ttc] = ["amountHt", "vatAmount20", "amountTtc"].map(|name| folder[name].as_f64().unwrap());
            assert!((ht + vat - ttc).abs() < 0.001);
            if let Some(invoice) = folder["amountToInvoice"].as_f64() {
                assert!((invoice - ttc).abs() < 0.001);
            }
            assert!(folder["createdOn"].as_str() <= folder["lastUpdate"].as_str());
            assert!(folder["lastUpdate"].as_str() <= folder["updatedOn"].as_str());
        }
        for state in ["accepted", "inTraining", "serviceDoneValidated"] {
            assert!(states.contains(state), "{state}");
        }
        assert!(states.len() > 8, "{states:?}");
    }
}
