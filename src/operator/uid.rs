//! UIDs as they are kept: thousands of objects, each known by its UID in several places.

use sha2::{Digest, Sha256};

/// A UID in sixteen bytes. Kubernetes' are UUIDs, which this keeps in their order; anything else is hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Uid(u128);

impl Uid {
    pub const MIN: Self = Self(0);
    pub const MAX: Self = Self(u128::MAX);

    pub fn of(text: &str) -> Self {
        Self(uuid(text).unwrap_or_else(|| hash(text)))
    }
}

/// 32 hexadecimal digits in groups of 8, 4, 4, 4 and 12.
fn uuid(text: &str) -> Option<u128> {
    let dashes = text.bytes().enumerate().filter(|(_, byte)| *byte == b'-');
    let is_uuid = text.len() == 36 && dashes.map(|(place, _)| place).eq([8, 13, 18, 23]);
    let mut digits = is_uuid.then_some(text)?.chars().filter(|digit| *digit != '-');
    digits.try_fold(0, |number, digit| Some(number << 4 | u128::from(digit.to_digit(16)?)))
}

fn hash(text: &str) -> u128 {
    let digest = Sha256::digest(text.as_bytes());
    digest
        .iter()
        .take(16)
        .fold(0, |hash, byte| hash << 8 | u128::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_is_its_number_and_keeps_its_order() {
        let [one, two] = [
            "d7235040-3014-4057-823b-62da06576d17",
            "d7235040-3014-4057-823b-62da06576d18",
        ]
        .map(Uid::of);
        assert_eq!(one, Uid(0xd7235040_3014_4057_823b_62da06576d17));
        assert!(one < two);
    }

    #[test]
    fn any_other_text_is_told_from_every_other() {
        let texts = [
            "",
            "object",
            "d7235040-3014-4057-823b-62da06576d1g",
            "d723504030144057823b62da06576d17",
            "é",
        ];
        for (place, text) in texts.iter().enumerate() {
            assert!(
                texts[..place].iter().all(|other| Uid::of(other) != Uid::of(text)),
                "{text}"
            );
        }
    }
}
