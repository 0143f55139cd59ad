//! What folders speak of, each once: attendees, sessions, training actions, trainings.

use std::{borrow::Cow, collections::HashMap};

use serde_json::{Value, json};

use super::{id_of, text};

/// Folders one after the other: an account may have more of them than fit into memory.
pub type Folders<'a> = dyn Iterator<Item = Cow<'a, Value>> + 'a;

/// Distinct parts in the order in which folders first name them; of a part that changed, the later folder's.
fn distinct(folders: &mut Folders<'_>, part: impl Fn(&Value) -> Option<(String, Value)>) -> Vec<Value> {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut parts = Vec::new();
    for (key, value) in folders.filter_map(|folder| part(&folder)) {
        match places.get(&key) {
            Some(at) => parts[*at] = value,
            None => {
                places.insert(key, parts.len());
                parts.push(value);
            }
        }
    }
    parts
}

/// Both kinds of folders have attendees; a certification folder's may add fields.
pub fn attendees(folders: &mut Folders<'_>, certified: &mut Folders<'_>) -> Vec<Value> {
    let of = |folder: &Value| {
        let attendee = folder.get("attendee")?;
        Some((attendee.get("id")?.to_string(), attendee.clone()))
    };
    let mut attendees = distinct(folders, of);
    let places: HashMap<String, usize> = attendees
        .iter()
        .enumerate()
        .map(|(at, attendee)| (attendee["id"].to_string(), at))
        .collect();
    for certified in distinct(certified, of) {
        match (places.get(&certified["id"].to_string()), certified) {
            (Some(at), Value::Object(fields)) => {
                for (name, value) in fields {
                    if attendees[*at].get(&name).is_none() {
                        attendees[*at][name] = value;
                    }
                }
            }
            (_, attendee) => attendees.push(attendee),
        }
    }
    attendees
}

pub fn sessions(folders: &mut Folders<'_>) -> Vec<Value> {
    distinct(folders, |folder| {
        let info = folder.get("trainingActionInfo")?;
        let id = info.get("sessionId")?.as_str()?;
        let session = json!({
            "id": id_of(id),
            "externalId": id,
            "trainingActionId": info["trainingActionId"],
            "startDate": info["sessionStartDate"],
            "endDate": info["sessionEndDate"],
            "sessionInfo": {"trainingTitle": info["title"]},
            "_links": {
                "self": {"href": format!("/api/sessions/{id}")},
                "trainingAction": folder["_links"]["trainingAction"],
                "registrationFolders": {"href": format!("/api/registrationFolders?sessionId={id}")},
            },
        });
        Some((id.to_owned(), session))
    })
}

pub fn training_actions(folders: &mut Folders<'_>) -> Vec<Value> {
    distinct(folders, |folder| {
        let info = folder.get("trainingActionInfo")?;
        let id = info.get("externalId")?.as_str()?;
        let training = training_id(info)?;
        let place = &info["address"];
        let action = json!({
            "id": id_of(id),
            "externalId": id,
            "title": info["title"],
            "trainingId": training,
            "teachingMethod": info["teachingModalities"],
            "indicativeDuration": info["indicativeDuration"],
            "totalTvaTTC": info["totalIncl"],
            "location": {"roadName": place["roadName"], "zipCode": place["zipCode"], "city": place["city"]},
            "_links": {
                "self": {"href": format!("/api/trainingActions/{id}")},
                "training": {"href": format!("/api/trainings/{training}")},
            },
        });
        Some((id.to_owned(), action))
    })
}

pub fn trainings(folders: &mut Folders<'_>) -> Vec<Value> {
    distinct(folders, |folder| {
        let info = folder.get("trainingActionInfo")?;
        let id = training_id(info)?;
        let training = json!({
            "id": id_of(id),
            "externalId": id,
            "title": info["title"],
            "certifInfo": folder["_links"]["certification"]["certifInfo"],
            "_links": {
                "self": {"href": format!("/api/trainings/{id}")},
                "certification": folder["_links"]["certification"],
            },
        });
        Some((id.to_owned(), training))
    })
}

/// `{siret}_{training}` of `{siret}_{training}/{action}`.
fn training_id(info: &Value) -> Option<&str> {
    text(info, "/trainingActionId")
        .split('/')
        .next()
        .filter(|id| !id.is_empty())
}
