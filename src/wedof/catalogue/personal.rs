//! Which fields that the catalogue does not know hold data of persons, by their names.

/// Parts of names that are about a person wherever they stand.
const TELLING: [&str; 28] = [
    "address",
    "adresse",
    "avatar",
    "birth",
    "courriel",
    "displayname",
    "familyname",
    "firstname",
    "fullname",
    "gender",
    "givenname",
    "lastname",
    "maidenname",
    "mail",
    "middlename",
    "mobile",
    "naissance",
    "nationality",
    "nickname",
    "passport",
    "phone",
    "photo",
    "prenom",
    "signature",
    "socialsecurity",
    "street",
    "surname",
    "username",
];

/// Words that are about a person only when they stand alone.
const WORDS: [&str; 8] = ["bic", "fax", "iban", "ip", "nir", "nom", "sex", "ssn"];

/// Objects that are a person: all that they hold is about them.
const PERSONS: [&str; 14] = [
    "attendee",
    "author",
    "candidate",
    "contact",
    "createdBy",
    "employee",
    "learner",
    "owner",
    "person",
    "student",
    "trainee",
    "trainer",
    "tutor",
    "user",
];

/// Whether an unknown field, one step of a path, says by its name that it is about a person.
pub fn names_a_person(name: &str) -> bool {
    let letters: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let letters = letters.to_ascii_lowercase();
    TELLING.iter().any(|telling| letters.contains(telling))
        || words(name).any(|word| WORDS.contains(&word.as_str()))
        || PERSONS.iter().any(|person| name.trim_end_matches('s') == *person)
}

/// Bank account and social security numbers: no sheet is a place for them, whatever the spec says.
pub fn is_forbidden(name: &str) -> bool {
    words(name).any(|word| word == "iban" || word == "nir")
}

/// `phoneNumber`, `phone_number` and `Phone number` are "phone" and "number".
fn words(name: &str) -> impl Iterator<Item = String> + '_ {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in name.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && before.is_lowercase()) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c.is_alphanumeric()) {
            word.extend(c.to_lowercase());
        }
        before = c;
    }
    words.into_iter().filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("email", true)]
    #[case("contactEmail", true)]
    #[case("phone_number", true)]
    #[case("Téléphone mobile", true)]
    #[case("dateOfBirth", true)]
    #[case("trainerFirstName", true)]
    #[case("homeAddress", true)]
    #[case("IBAN", true)]
    #[case("trainers", true)]
    #[case("attendee", true)]
    #[case("lastIp", true)]
    #[case("description", false)]
    #[case("name", false)]
    #[case("certificationName", false)]
    #[case("attendeeState", false)]
    #[case("trip", false)]
    #[case("nirvana", false)]
    fn a_name_tells_whether_it_is_about_a_person(#[case] name: &str, #[case] personal: bool) {
        assert_eq!(names_a_person(name), personal);
    }

    #[rstest]
    #[case("iban", true)]
    #[case("nir", true)]
    #[case("bankIban", true)]
    #[case("NIR", true)]
    #[case("nirvana", false)]
    #[case("urbanism", false)]
    fn bank_accounts_and_social_security_numbers_are_never_written(#[case] name: &str, #[case] forbidden: bool) {
        assert_eq!(is_forbidden(name), forbidden);
    }
}
