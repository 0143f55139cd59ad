//! Registration folders with forty filled fields each, of the lengths that real ones have.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};

use serde_json::{Value, json};

/// Every field is filled and a column.
pub fn folder(number: usize) -> Value {
    let pick = |from: &[&str]| from[number * 7919 % from.len()].to_owned();
    let moment = |of: usize| {
        let second = number * 7 + of;
        let (day, hour, minute) = (1 + second / 86_400 % 28, second / 3600 % 24, second / 60 % 60);
        format!(
            "2025-{:02}-{day:02}T{hour:02}:{minute:02}:{:02}.{:03}Z",
            1 + of % 12,
            second % 60,
            number % 1000
        )
    };
    let day = |of: usize| {
        format!(
            "20{:02}-{:02}-{:02}T00:00:00.000Z",
            10 + of,
            1 + number % 12,
            1 + number % 28
        )
    };
    let last = pick(&["Martin", "Bernard", "Lefèvre", "Petit-Durand", "Moreau", "N’Guyen"]);
    let first = pick(&["Camille", "Jean-Baptiste", "Zoé", "Mohamed", "Anne", "Loïc", "Inès"]);
    let price = 450.0 + (number % 3000) as f64 / 4.0;
    json!({
        "id": number + 1,
        "externalId": format!("{:014}", 81_000_000_000_000_u64 + number as u64),
        "state": pick(&["notProcessed", "validated", "accepted", "inTraining", "terminated", "serviceDoneValidated"]),
        "billingState": pick(&["notBillable", "depositWait", "toBill", "billed", "paid"]),
        "controlState": pick(&["notInControl", "inControl", "released"]),
        "certificationFolderState": pick(&["toRegister", "registered", "toTake", "success"]),
        "attendeeState": pick(&["none", "serviceDoneDeclared"]),
        "type": pick(&["cpf", "individual", "poleEmploi", "company"]),
        "completionRate": number % 101,
        "amountTtc": price,
        "amountHt": price / 1.2,
        "amountToInvoice": price / 3.0,
        "amountCGU": 2.5,
        "vatRate": 20,
        "isVatExempt": number.is_multiple_of(3),
        "notes": format!("Dossier {number} : rappeler {first} avant la session, prérequis vérifiés au téléphone"),
        "description": "Parcours individuel avec un formateur, en visioconférence et en présentiel",
        "lastUpdate": moment(1),
        "createdOn": moment(2),
        "updatedOn": moment(3),
        "history": {
            "notProcessedDate": moment(4),
            "validatedDate": moment(5),
            "acceptedDate": moment(6),
            "inTrainingDate": moment(7),
        },
        "attendee": {
            "id": 500_000 + number,
            "lastName": last,
            "firstName": first,
            "email": format!("personne.{number}@exemple.example.org"),
            "phoneNumber": format!("06{:08}", number * 37 % 100_000_000),
            "dateOfBirth": day(0),
            "degree": number % 8,
            "address": {
                "fullAddress": format!("{} rue de la République, {:05} Lyon", number % 200 + 1, 69_000 + number % 9),
                "zipCode": format!("{:05}", 69_000 + number % 9),
                "city": pick(&["Lyon", "Villeurbanne", "Saint-Étienne"]),
            },
        },
        "trainingActionInfo": {
            "title": pick(&["Anglais professionnel, niveau B2", "Bureautique : tableur avancé", "Permis B, 30 heures"]),
            "sessionId": format!("{:08}_{:04}", 84_824_798 + number % 50, number % 977),
            "sessionStartDate": day(15),
            "sessionEndDate": day(16),
            "hoursInCenter": number % 70,
            "externalLink": format!("https://formation.exemple.example.org/sessions/{}", number % 977),
        },
    })
}

/// An array of so many, as `simulate --dataset` reads it.
pub fn write(path: &Path, count: usize) -> std::io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    for number in 0..count {
        file.write_all(if number == 0 { b"[\n" } else { b",\n" })?;
        serde_json::to_writer(&mut file, &folder(number))?;
    }
    file.write_all(b"\n]\n")?;
    file.flush()
}
