//! Which fields of a resource become columns, in which order and under which headers: the spec's choice, applied to what
//! the catalogue knows.

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap},
    fmt,
};

use serde_json::Value;

use crate::{
    failure::{Failure, reason},
    spec::{ColumnsSpec, Headers, PersonalData, Preset, covers},
    wedof::catalogue::{Field, Resource, filters::nearest, is_forbidden, names_a_person},
};

/// Names up to this length differ by one letter and are others all the same.
const SHORT: usize = 3;

/// A pattern that no field is like.
#[derive(Debug, PartialEq, Eq)]
pub struct Unknown<'a> {
    place: &'static str,
    pattern: &'a str,
    /// The field that may be meant.
    pub near: Option<String>,
}

impl fmt::Display for Unknown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, pattern, near } = self;
        write!(f, "columns.{place}: no field is like `{pattern}`")?;
        match near {
            Some(near) => write!(f, ": did you mean `{near}`?"),
            None => Ok(()),
        }
    }
}

/// The choice of columns of one resource.
#[derive(Debug, Clone)]
pub struct Selection<'a> {
    pub(super) resource: &'static Resource,
    columns: &'a ColumnsSpec,
    personal_data: PersonalData,
    /// Known fields by path, each with its place among the columns.
    known: HashMap<String, (usize, Field)>,
}

impl<'a> Selection<'a> {
    pub fn new(resource: &'static Resource, columns: &'a ColumnsSpec, personal_data: PersonalData) -> Self {
        let first = match columns.preset {
            Some(Preset::Suivi) => resource.suivi,
            Some(Preset::All) | None => resource.first,
        };
        let fields = resource.fields(first).into_iter().enumerate();
        Self {
            resource,
            columns,
            personal_data,
            known: fields.map(|(place, (path, field))| (path, (place, field))).collect(),
        }
    }

    /// Whether a path becomes a column. The key column is kept by the caller whatever this says.
    pub fn wants(&self, path: &str) -> bool {
        let Self { columns, .. } = self;
        let chosen = match columns.preset {
            Some(Preset::All) => true,
            Some(Preset::Suivi) => self.resource.suivi.contains(&path) || columns.includes(path),
            // a link alone says nothing that a person reads; one asked for by `include` is a column like any other
            None if columns.include.is_empty() => !(path.starts_with("_links.") && path.ends_with(".href")),
            None => columns.includes(path),
        };
        chosen
            && !columns.excludes(path)
            && !path.split('.').any(is_forbidden)
            && (self.personal_data == PersonalData::Include || !self.is_personal(path))
    }

    fn is_personal(&self, path: &str) -> bool {
        match self.known(path) {
            Some(field) => field.personal,
            None => self.resource.person || path.split('.').any(names_a_person),
        }
    }

    pub(super) fn known(&self, path: &str) -> Option<&Field> {
        self.known.get(path).map(|(_, field)| field)
    }

    /// Where the column of a path stands: known ones in the catalogue's order, then the others.
    pub(super) fn place(&self, path: &str) -> usize {
        self.known.get(path).map_or(usize::MAX, |(place, _)| *place)
    }

    /// The header text of a path, before it is made unique.
    pub(super) fn label(&self, path: &str) -> String {
        let wished = self.columns.labels.get(path).map(|label| one_line(label));
        let of_catalogue = || {
            let field = self.known(path)?;
            match self.columns.headers() {
                Headers::Path => None,
                Headers::French => Some(field.french.to_owned()),
                Headers::English => Some(field.english.to_owned()),
            }
        };
        wished
            .filter(|label| !label.is_empty())
            .or_else(of_catalogue)
            .unwrap_or_else(|| path.to_owned())
    }

    /// Every header that a field may have without the spec's own labels: (path, label), in each language.
    pub fn labels(&self) -> Vec<(String, String)> {
        let known = self.known.iter();
        known
            .flat_map(|(path, (_, field))| [field.french, field.english].map(|label| (path.clone(), label.to_owned())))
            .collect()
    }

    /// Looks for patterns that no field is like, neither of the catalogue nor of the records at hand. One that is a slip
    /// away from a field would silently take columns away, or leave them; others are told, since a field may be missing
    /// for a time.
    pub(super) fn check<'s>(&'s self, seen: impl Iterator<Item = &'s str>) -> Result<Vec<String>, Failure> {
        let unknown = self.unknown(seen);
        match unknown.iter().find(|unknown| unknown.near.is_some()) {
            Some(slip) => Err(Failure::person(
                reason::INVALID_CONFIG,
                format!("resources, {}: {slip} The tab was left as it is", self.resource.name),
            )),
            None => Ok(unknown.iter().map(ToString::to_string).collect()),
        }
    }

    /// The patterns that no field is like.
    pub fn unknown<'s>(&'s self, seen: impl Iterator<Item = &'s str>) -> Vec<Unknown<'s>> {
        let ColumnsSpec {
            include,
            exclude,
            labels,
            preset: _,
            headers: _,
        } = self.columns;
        let keys = self.resource.key_paths();
        // in order: of equally near names always the same one is proposed
        let fields: BTreeSet<&str> = (self.known.keys().map(String::as_str))
            .chain(keys)
            .chain(seen)
            .collect();
        let patterns = (include.iter().map(|pattern| ("include", pattern)))
            .chain(exclude.iter().map(|pattern| ("exclude", pattern)))
            .chain(labels.keys().map(|path| ("labels", path)));
        let is_unknown = |(place, pattern): &(&str, &String)| {
            let matched = match *place {
                "labels" => fields.contains(pattern.as_str()),
                _ => fields.iter().any(|field| covers(pattern, field)),
            };
            !matched && !is_forbidden(pattern)
        };
        let unknown = patterns.filter(is_unknown).map(|(place, pattern)| {
            // a pattern may name the parent of fields, a label may not
            let parents = fields.iter().filter(|_| place != "labels");
            let parents = parents.flat_map(|field| field.match_indices('.').map(|(at, _)| &field[..at]));
            // address2 is no slip of address1
            let names = fields.iter().copied().chain(parents);
            let names = names.filter(|name| letters(name) != letters(pattern));
            let near = nearest(pattern, names, |name| usize::from(name.len() > SHORT)).map(ToString::to_string);
            Unknown { place, pattern, near }
        });
        unknown.collect()
    }

    /// A value that becomes one cell of JSON, without the fields inside it that may not be written.
    pub(super) fn scrubbed<'v>(&self, value: &'v Value) -> Cow<'v, Value> {
        let drops =
            |name: &str| is_forbidden(name) || (self.personal_data == PersonalData::Exclude && names_a_person(name));
        if holds(value, &drops) {
            let mut value = value.clone();
            scrub(&mut value, &drops);
            Cow::Owned(value)
        } else {
            Cow::Borrowed(value)
        }
    }
}

fn holds(value: &Value, drops: &impl Fn(&str) -> bool) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|item| holds(item, drops)),
        Value::Object(fields) => fields.iter().any(|(name, value)| drops(name) || holds(value, drops)),
        _ => false,
    }
}

fn scrub(value: &mut Value, drops: &impl Fn(&str) -> bool) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| scrub(item, drops)),
        Value::Object(fields) => {
            fields.retain(|name, _| !drops(name));
            fields.values_mut().for_each(|value| scrub(value, drops));
        }
        _ => {}
    }
}

fn letters(name: &str) -> String {
    name.chars().filter(|c| !c.is_ascii_digit()).collect()
}

fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_control() || c.is_whitespace())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::spec::ResourceName;

    fn columns(preset: Option<Preset>, include: &[&str], exclude: &[&str]) -> ColumnsSpec {
        let paths = |paths: &[&str]| paths.iter().map(|path| (*path).to_owned()).collect();
        ColumnsSpec {
            preset,
            include: paths(include),
            exclude: paths(exclude),
            ..ColumnsSpec::default()
        }
    }

    fn wants(name: ResourceName, columns: &ColumnsSpec, personal_data: PersonalData, path: &str) -> bool {
        Selection::new(Resource::of(name), columns, personal_data).wants(path)
    }

    #[rstest]
    #[case::all_by_default(None, &[], &[], "notes", true)]
    #[case::but_bare_links(None, &[], &[], "_links.self.href", false)]
    #[case::unless_asked_for(None, &["_links.*.href"], &[], "_links.self.href", true)]
    #[case::only_the_included(None, &["attendee"], &[], "notes", false)]
    #[case::of_the_preset(Some(Preset::Suivi), &[], &[], "history.acceptedDate", true)]
    #[case::not_of_the_preset(Some(Preset::Suivi), &[], &[], "notes", false)]
    #[case::added_to_the_preset(Some(Preset::Suivi), &["notes"], &[], "notes", true)]
    #[case::the_preset_stays(Some(Preset::Suivi), &["notes"], &[], "attendee.email", true)]
    #[case::taken_from_the_preset(Some(Preset::Suivi), &[], &["*.email"], "attendee.email", false)]
    #[case::everything(Some(Preset::All), &[], &[], "_links.self.href", true)]
    #[case::everything_but(Some(Preset::All), &[], &["_links"], "_links.self.href", false)]
    #[case::never(Some(Preset::All), &["iban"], &[], "iban", false)]
    #[case::never_below(Some(Preset::All), &[], &[], "attendee.nir", false)]
    fn a_preset_is_added_to_and_taken_from(
        #[case] preset: Option<Preset>,
        #[case] include: &[&str],
        #[case] exclude: &[&str],
        #[case] path: &str,
        #[case] wanted: bool,
    ) {
        let columns = columns(preset, include, exclude);
        assert_eq!(
            wants(ResourceName::RegistrationFolders, &columns, PersonalData::Include, path),
            wanted
        );
    }

    #[rstest]
    #[case(ResourceName::RegistrationFolders, "state", true)]
    #[case(ResourceName::RegistrationFolders, "attendee.id", true)]
    #[case(ResourceName::RegistrationFolders, "attendee.lastName", false)]
    #[case(ResourceName::RegistrationFolders, "attendee.shoeSize", false)]
    #[case(ResourceName::RegistrationFolders, "files", false)]
    #[case(ResourceName::RegistrationFolders, "contactEmail", false)]
    #[case(ResourceName::RegistrationFolders, "trainingActionInfo.address.city", true)]
    #[case(ResourceName::RegistrationFolders, "newField", true)]
    #[case(ResourceName::Attendees, "newField", false)]
    #[case(ResourceName::Attendees, "id", true)]
    #[case(ResourceName::Attendees, "address.city", false)]
    fn personal_fields_are_left_out_if_the_spec_says_so(
        #[case] name: ResourceName,
        #[case] path: &str,
        #[case] wanted: bool,
    ) {
        let all = columns(Some(Preset::All), &[path], &[]);
        assert_eq!(wants(name, &all, PersonalData::Exclude, path), wanted);
        assert!(wants(name, &all, PersonalData::Include, path));
    }

    #[rstest]
    #[case::another_case("include", "attendee.lastname", Some("attendee.lastName"))]
    #[case::a_slip_in_a_parent("exclude", "atendee", Some("attendee"))]
    #[case::of_a_label("labels", "sttae", Some("state"))]
    #[case::a_parent_has_no_label("labels", "attendee", None)]
    #[case::empty_today("exclude", "createdBy", None)]
    #[case::another_number("exclude", "vatAmount77", None)]
    #[case::too_short_to_tell("exclude", "uid", None)]
    #[case::a_pattern("include", "metadata.*.colour", None)]
    fn a_pattern_that_fits_no_field_is_refused_if_it_is_a_slip_and_else_told(
        #[case] place: &str,
        #[case] pattern: &str,
        #[case] near: Option<&str>,
    ) {
        let mut spec = columns(None, &[], &[]);
        match place {
            "include" => spec.include.push(pattern.to_owned()),
            "exclude" => spec.exclude.push(pattern.to_owned()),
            _ => drop(spec.labels.insert(pattern.to_owned(), "Titre".to_owned())),
        }
        let resource = Resource::of(ResourceName::RegistrationFolders);
        let selection = Selection::new(resource, &spec, PersonalData::Include);
        let checked = selection.check(["attendee.lastName", "state", "createdOn", "vatAmount20"].into_iter());
        match near {
            Some(near) => {
                let message = checked.unwrap_err().message;
                assert!(message.contains(&format!("did you mean `{near}`?")), "{message}");
            }
            None => assert_eq!(
                checked.unwrap(),
                [format!("columns.{place}: no field is like `{pattern}`")]
            ),
        }
    }

    #[test]
    fn what_may_not_be_written_is_taken_out_of_json_too() {
        let columns = ColumnsSpec::default();
        let value = json!([{"id": 1, "bank": {"iban": "FR76", "city": "Lyon"}, "email": "a@b.c"}]);
        let scrubbed = |personal_data| {
            Selection::new(Resource::of(ResourceName::Invoices), &columns, personal_data)
                .scrubbed(&value)
                .into_owned()
        };
        assert_eq!(
            scrubbed(PersonalData::Include),
            json!([{"id": 1, "bank": {"city": "Lyon"}, "email": "a@b.c"}])
        );
        assert_eq!(
            scrubbed(PersonalData::Exclude),
            json!([{"id": 1, "bank": {"city": "Lyon"}}])
        );
    }
}
