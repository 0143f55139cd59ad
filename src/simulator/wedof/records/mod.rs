//! Records as a training organism's account holds them: every field that Wedof is known to send, filled from a seed.
//! Names are invented. Each folder depends on its own number only, so that a longer list begins like a shorter one.
//!
//! Folders are made; what they speak of (attendees, sessions, trainings, payments …) is taken from the folders as they
//! are at that moment, so that everything agrees whatever a test changed.

pub mod certification;
pub mod children;
pub mod folder;
pub mod organism;
pub mod parts;

use serde_json::{Value, json};

pub use organism::Organism;

/// The day on which the accounts were looked at, as days since 1970: 2 January 2025.
const TODAY: i64 = 20_090;
const DAY: i64 = 86_400_000;

/// Makers of records, for the first numbers of their dice.
mod kind {
    pub const ORGANISM: u64 = 0;
    pub const FOLDER: u64 = 1;
    pub const CERTIFICATION: u64 = 2;
    pub const IDENTITY: u64 = 3;
    pub const PERSON: u64 = 4;
    pub const ATTENDEE: u64 = 5;
    pub const SESSION: u64 = 6;
    pub const SITE: u64 = 7;
    pub const PARTNER: u64 = 8;
}

/// The text at a JSON pointer, empty if there is none.
fn text<'a>(record: &'a Value, pointer: &str) -> &'a str {
    record.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// A number that always follows from the same text: for ids that no record has.
fn number_of(text: &str) -> u64 {
    // FNV-1a
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// A small positive id that follows from a text.
fn id_of(text: &str) -> u64 {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    match text[digits..].parse::<u64>() {
        Ok(number) if digits < text.len() && text.len() - digits <= 9 => number + 1,
        _ => number_of(text) % 2_000_000_000 + 1,
    }
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
