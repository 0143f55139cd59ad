//! Variables: those of the process, then those of `.env` in the working folder.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::{Path, PathBuf},
};

use crate::{
    failure::{Failure, reason},
    spec::trim,
};

/// In the working folder.
const FILE: &str = ".env";

/// The variables that the program sees. An empty variable counts as none, so that a copied `.env.example` with blanks,
/// or a compose file that passes everything on, hides nothing.
#[derive(Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    /// The file that was read.
    file: Option<PathBuf>,
}

impl Environment {
    /// The process's variables, which win, and those of `.env`.
    pub fn load() -> Result<Self, Failure> {
        let mut environment = match std::fs::read(FILE) {
            Ok(bytes) => Self::parse(&bytes, Path::new(FILE))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Self::default(),
            Err(error) => return Err(invalid(format!("cannot read .env: {error}"))),
        };
        environment.variables.extend(Self::of_process().variables);
        Ok(environment)
    }

    /// The process's variables alone.
    pub fn of_process() -> Self {
        let named = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
        let variables = std::env::vars_os().filter_map(named);
        Self {
            variables: variables.filter(|(_, value)| !trim(value).is_empty()).collect(),
            file: None,
        }
    }

    /// The file that was read; None if there is none in the working folder.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// The variables of a file's content, however an editor saved it. An error names the place and quotes nothing: the
    /// line may hold a key.
    fn parse(bytes: &[u8], path: &Path) -> Result<Self, Failure> {
        let file = path.display();
        let Ok(text) = std::str::from_utf8(bytes) else {
            return Err(invalid(format!("{file} is not UTF-8 text: save it again as UTF-8")));
        };
        let text = trim(text).replace("\r\n", "\n");
        let variables = dotenvy::Iter::new(text.as_bytes()).collect::<Result<_, _>>().map_err(|error| {
            let place = match error {
                dotenvy::Error::LineParse(line, index) => place(&text, &line, index),
                _ => String::new(),
            };
            invalid(format!(
                "{file} cannot be read{place}: lines are NAME=value; put a value with spaces, #, $, \\ or quotes in single \
                 quotes"
            ))
        })?;
        if let Some(name) = expanded(&text, &variables) {
            return Err(invalid(format!(
                "{file}: {name} holds a $, which stands for another variable there: put the value in single quotes"
            )));
        }
        Ok(Self {
            variables,
            file: Some(std::path::absolute(path).unwrap_or_else(|_| path.to_owned())),
        })
    }

    /// A variable without the white space around it; None if it is empty or not set.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables
            .get(name)
            .map(|value| trim(value))
            .filter(|value| !value.is_empty())
    }

    /// The entries of a comma-separated variable; None if it is not set.
    pub fn list(&self, name: &str) -> Option<Vec<String>> {
        let entries = self.get(name)?.split(',').map(trim).filter(|entry| !entry.is_empty());
        Some(entries.map(str::to_owned).collect())
    }
}

#[cfg(test)]
impl Environment {
    /// Takes other variables over its own.
    pub fn extend(&mut self, other: Self) {
        self.variables.extend(other.variables);
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(variables: [(&str, &str); N]) -> Self {
        Self {
            variables: variables
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            file: None,
        }
    }
}

/// A variable whose value is not what stands there, since dotenvy read a `$` in it as the name of another: a key would be
/// cut without a word.
fn expanded(text: &str, variables: &BTreeMap<String, String>) -> Option<String> {
    // an unlikely character in the place of every $ that is not escaped
    const INERT: &str = "\u{f8ff}";
    let mut inert = String::new();
    for part in text.split_inclusive('$') {
        match part.strip_suffix('$') {
            // a backslash before it escapes it, if it is not escaped itself
            Some(before) if before.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 0 => {
                inert.extend([before, INERT]);
            }
            _ => inert.push_str(part),
        }
    }
    // of a name that is set twice the last value counts
    let read: BTreeMap<String, String> = dotenvy::Iter::new(inert.as_bytes()).flatten().collect();
    read.into_iter()
        .find(|(name, value)| {
            variables
                .get(name)
                .is_some_and(|expanded| *expanded != value.replace(INERT, "$"))
        })
        .map(|(name, _)| name)
}

fn invalid(message: String) -> Failure {
    Failure::person(reason::INVALID_CONFIG, message)
}

/// Line and column of what dotenvy could not read: it gives the text from where it was reading and an index in it.
fn place(text: &str, line: &str, index: usize) -> String {
    let Some(start) = text.find(line) else {
        return String::new();
    };
    let read = text.get(..start + index).unwrap_or(text);
    let lines = read.matches('\n').count() + 1;
    let column = read.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
    format!(", line {lines}, column {column}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(bytes: &[u8]) -> Result<Environment, String> {
        Environment::parse(bytes, Path::new(".env")).map_err(|failure| failure.message)
    }

    #[test]
    fn a_file_saved_by_a_windows_editor_is_read_like_any_other() {
        let environment =
            parse(b"\xef\xbb\xbfWEDOF_API_KEY=k1\r\nGOOGLE_SPREADSHEET_ID=abc \r\n\r\n# note\r\nSYNC_TIME=\r\n")
                .unwrap();
        assert_eq!(environment.get("WEDOF_API_KEY"), Some("k1"));
        assert_eq!(environment.get("GOOGLE_SPREADSHEET_ID"), Some("abc"));
        assert_eq!(environment.get("SYNC_TIME"), None);
    }

    #[test]
    fn a_line_that_cannot_be_read_is_named_by_its_place_and_never_quoted() {
        for (text, place) in [
            ("A=1\nWEDOF_API_KEY=s3cret key\n", "line 2, column 22"),
            ("A=1\nB='2'\nWEDOF_API_KEY 's3cret'\n", "line 3, column 15"),
            ("A=1\nWEDOF_API_KEY=\"s3cret\n", "line 2"),
        ] {
            let error = parse(text.as_bytes()).err().unwrap();
            assert!(error.contains(place), "{error}");
            assert!(!error.contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn a_key_with_a_dollar_is_read_whole_or_refused() {
        for text in ["KEY=abc$def", "KEY=\"abc$def\"", "A=1\nKEY=${A}c", "KEY=abc\\\\$def"] {
            let error = parse(text.as_bytes()).err().unwrap();
            assert!(error.contains("single quotes"), "{error}");
            assert!(!error.contains("abc"), "{error}");
        }
        for text in ["KEY='abc$def'", "KEY=abc\\$def", "KEY=x\nKEY='abc$def'"] {
            assert_eq!(parse(text.as_bytes()).unwrap().get("KEY"), Some("abc$def"), "{text}");
        }
    }

    #[test]
    fn another_encoding_is_said_to_be_one() {
        let utf16: Vec<u8> = "\u{feff}A=1".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(parse(&utf16).err().unwrap().contains("save it again as UTF-8"));
    }

    #[test]
    fn lists_are_separated_by_commas() {
        let environment = Environment::from([("HOSTS", " a.example, b.example,,")]);
        assert_eq!(
            environment.list("HOSTS"),
            Some(vec!["a.example".to_owned(), "b.example".to_owned()])
        );
        assert_eq!(environment.list("NONE"), None);
    }
}
