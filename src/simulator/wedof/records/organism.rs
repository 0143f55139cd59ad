//! The organism that owns the account, and its users.

use serde_json::{Value, json};

use super::kind;
use crate::simulator::wedof::{
    dice::{Dice, slug},
    texts,
};

#[derive(Debug, Clone)]
pub struct Organism {
    pub siret: String,
    pub name: String,
    pub email: String,
}

impl Organism {
    pub fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed, kind::ORGANISM, 0);
        let name = format!("{} {}", dice.pick(&texts::ORGANISMS), dice.pick(&texts::CITIES).1);
        Self {
            siret: dice.digits(14),
            email: format!("contact@{}.example.org", slug(&name)),
            name,
        }
    }

    pub fn to_json(&self, seed: u64) -> Value {
        let mut dice = Dice::new(seed, kind::ORGANISM, 1);
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
            "updatedOn": dice.instant(19_700, 380),
            "_links": {"self": {"href": format!("/api/organisms/{}", self.siret)}},
        })
    }

    pub fn link(&self) -> Value {
        json!({"href": format!("/api/organisms/{}", self.siret), "name": self.name, "siret": self.siret})
    }

    /// The people who work with the account; the first is whose key it is.
    pub fn users(&self, seed: u64) -> Vec<Value> {
        let mut dice = Dice::new(seed, kind::ORGANISM, 2);
        let domain = self.email.split_once('@').map_or("example.org", |(_, domain)| domain);
        let mut users = vec![self.user(format!("Direction {}", self.name), &self.email)];
        for _ in 0..3 {
            let first = dice.pick(&texts::FIRST_NAMES).0;
            let last = *dice.pick(&texts::LAST_NAMES);
            let email = format!("{}.{}@{domain}", slug(first), slug(last));
            if users.iter().all(|user| user["email"] != *email) {
                users.push(self.user(format!("{first} {last}"), &email));
            }
        }
        users
    }

    fn user(&self, name: String, email: &str) -> Value {
        json!({
            "name": name,
            "email": email,
            "_links": {"mainOrganism": {"href": format!("/api/organisms/{}", self.siret), "siret": self.siret}},
        })
    }
}
