//! A seeded source of plausible values: people, places, times, and the oddities that people type.

use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Value, json};

use super::texts;

/// A seeded source of plausible values.
pub struct Dice(StdRng);

impl Dice {
    pub fn new(seed: u64, kind: u64, number: u64) -> Self {
        let mixed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (kind << 56) ^ number;
        Self(StdRng::seed_from_u64(mixed))
    }

    pub fn below(&mut self, end: i64) -> i64 {
        self.0.random_range(0..end.max(1))
    }

    /// True once in so many times.
    pub fn one_in(&mut self, times: i64) -> bool {
        self.below(times) == 0
    }

    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        list.choose(&mut self.0).unwrap_or(&list[0])
    }

    pub fn digits(&mut self, count: usize) -> String {
        (0..count)
            .map(|_| char::from(b'0' + self.0.random_range(0..10u8)))
            .collect()
    }

    pub fn phone(&mut self) -> String {
        match self.below(8) {
            0 => format!("+33 6 {} {}", self.digits(2), self.digits(6)),
            1 => {
                let pairs: Vec<String> = (0..4).map(|_| self.digits(2)).collect();
                format!("07 {}", pairs.join(" "))
            }
            _ => format!("06{}", self.digits(8)),
        }
    }

    /// `null` once in so many times, else what is given.
    pub fn maybe(&mut self, times: i64, value: Value) -> Value {
        if self.one_in(times) { Value::Null } else { value }
    }

    /// A day within `span` days from a day (counted from 1970), as midnight UTC.
    pub fn day(&mut self, from: i64, span: i64) -> String {
        iso((from + self.below(span)) * 86_400_000)
    }

    /// An instant to the millisecond.
    pub fn instant(&mut self, from: i64, span: i64) -> String {
        iso((from + self.below(span)) * 86_400_000 + self.below(86_400_000))
    }

    pub fn place(&mut self) -> Value {
        let (zip, city) = *self.pick(&texts::CITIES);
        let number = format!("{:02}", self.below(120) + 1);
        let (code, label) = *self.pick(&texts::ROADS);
        let name = *self.pick(&texts::ROAD_NAMES);
        json!({
            "id": null,
            "idAddress": null,
            "number": number,
            "repetitionIndex": self.maybe(4, Value::Null),
            "repetitionIndexLabel": null,
            "roadType": code,
            "roadTypeLabel": label,
            "roadName": name,
            "residence": if self.one_in(4) { json!("Résidence de l'Étang") } else { Value::Null },
            "additionalAddress": if self.one_in(5) { json!("Bât. C, 3ᵉ étage") } else { Value::Null },
            "postBox": null,
            "zipCode": zip,
            "city": city,
            "country": "France",
            "countryCode": "FR",
            "fullAddress": format!("{number} {label} {name}, {zip} {city}"),
            "line4": format!("{number} {} {}", code, name.to_uppercase()),
            "corporateName": null,
            "trainingSite": false,
            "informationSite": false,
            "subscriptionSite": false,
            "reducedMobilityAccessCompliant": self.maybe(2, json!(true)),
            "reducedMobilityAccessModalities": null,
        })
    }

    pub fn attendee(&mut self, number: u64) -> Value {
        let (first, gender) = *self.pick(&texts::FIRST_NAMES);
        let last = *self.pick(&texts::LAST_NAMES);
        let (degree, title) = *self.pick(&texts::DEGREES);
        let abroad = self.one_in(9);
        let born = self.day(-1000, 13_500);
        json!({
            "id": 2000 + number,
            "lastName": last,
            "firstName": first,
            "email": format!("{}.{}{}@example.org", slug(first), slug(last), number),
            "phoneNumber": self.phone(),
            "phoneFixed": if self.one_in(4) { json!(format!("01{}", self.digits(8))) } else { Value::Null },
            "birthName": if self.one_in(4) { json!(self.pick(&texts::LAST_NAMES)) } else { Value::Null },
            "firstName2": if self.one_in(3) { json!(self.pick(&texts::FIRST_NAMES).0) } else { Value::Null },
            "firstName3": null,
            "gender": gender,
            "dateOfBirth": self.maybe(12, json!(born)),
            "nameCityOfBirth": if abroad { Value::Null } else { json!(self.pick(&texts::CITIES).1) },
            "codeCityOfBirth": if abroad { Value::Null } else { json!(format!("0{}", self.digits(4))) },
            "nameCountryOfBirth": if abroad { "CÔTE D'IVOIRE" } else { "FRANCE" },
            "codeCountryOfBirth": if abroad { "326" } else { "100" },
            "degree": degree,
            "degreeTitle": title,
            "readOnly": false,
            "cdcCompliant": !self.one_in(5),
            "address": self.place(),
        })
    }

    pub fn notes(&mut self, number: u64) -> String {
        // the first records show every oddity, so that a small account has them all
        let at = if number < texts::NOTES.len() as u64 {
            number as usize
        } else {
            self.below(40) as usize
        };
        match texts::NOTES.get(at) {
            Some(text) => (*text).to_owned(),
            None => String::new(),
        }
    }

    pub fn tags(&mut self) -> Value {
        match self.below(4) {
            0 => json!([*self.pick(&texts::TAGS), *self.pick(&texts::TAGS)]),
            1 => json!([*self.pick(&texts::TAGS)]),
            _ => json!([]),
        }
    }

    pub fn files(&mut self, owner: &str, kind: &str) -> Value {
        let count = if self.one_in(5) { 1 + self.below(3) } else { 0 };
        (0..count)
            .map(|_| {
                let id = 10_000 + self.below(80_000);
                let mut file = json!({
                    "id": id,
                    "typeId": 1 + self.below(9),
                    "permalink": format!("https://files.example.org/{id}"),
                    "fileName": *self.pick(&texts::FILES),
                    "fileType": "link",
                    "link": format!("https://drive.example.org/f/{id}"),
                    "state": "valid",
                    "comment": "",
                    "generationState": "notGenerated",
                    "createdOn": self.instant(19_800, 300),
                    "updatedOn": self.instant(20_100, 60),
                });
                file["_links"][kind]["href"] = json!(format!("/api/{kind}s/{owner}"));
                file
            })
            .collect()
    }
}

/// Milliseconds since 1970 as Wedof writes instants.
pub fn iso(millis: i64) -> String {
    match jiff::Timestamp::from_millisecond(millis) {
        Ok(instant) => instant
            .to_zoned(jiff::tz::TimeZone::UTC)
            .strftime("%Y-%m-%dT%H:%M:%S.%3fZ")
            .to_string(),
        Err(_) => "1970-01-01T00:00:00.000Z".to_owned(),
    }
}

pub fn slug(name: &str) -> String {
    name.to_lowercase()
        .chars()
        .filter_map(|c| match c {
            'à' | 'â' | 'ä' => Some('a'),
            'é' | 'è' | 'ê' | 'ë' => Some('e'),
            'î' | 'ï' => Some('i'),
            'ô' | 'ö' => Some('o'),
            'ù' | 'û' | 'ü' => Some('u'),
            'ç' => Some('c'),
            ' ' | '-' | '\'' => Some('-'),
            c if c.is_ascii_alphanumeric() => Some(c),
            _ => None,
        })
        .collect()
}
