//! The flattened records of a resource → its table: which columns there are, in which order, under which headers.

use std::collections::HashSet;

use super::{Cell, Column, Flattener, Kind, Packed, Selection, Table, flatten::Path};
use crate::wedof::catalogue::Key;

impl Flattener<'_> {
    /// The table with `key` in column 0, then the catalogue's fields in its order, then unknown ones by path. A field
    /// that no record fills has no column. Also how many texts were cut.
    pub fn table(self, key: Key, rows: Vec<Packed>) -> (Table, usize) {
        let Self {
            selection, paths, cuts, ..
        } = self;

        let mut filled = vec![false; paths.len()];
        for (number, _) in rows.iter().flat_map(Packed::cells) {
            filled[number] = true;
        }
        let mut order: Vec<usize> = (0..paths.len())
            .filter(|&number| filled[number] && paths[number].wanted && paths[number].path != key.field)
            .collect();
        order.sort_by_key(|&number| {
            let path = paths[number].path.as_str();
            (selection.place(path), path)
        });

        let mut labels = Labels::default();
        let mut columns = Vec::with_capacity(order.len() + 1);
        columns.push(Column {
            path: key.field.to_owned(),
            label: labels.unique(key.field, selection),
            kind: Kind::Identifier,
        });
        columns.extend(order.iter().map(|&number| {
            let path = &paths[number];
            Column {
                path: path.path.clone(),
                label: labels.unique(&path.path, selection),
                kind: kind(path),
            }
        }));

        // where the cells of a path go; the key's are column 0
        let mut place: Vec<Option<usize>> = vec![None; paths.len()];
        for (at, &number) in order.iter().enumerate() {
            place[number] = Some(at + 1);
        }
        if let Some(number) = paths.iter().position(|path| path.path == key.field) {
            place[number] = Some(0);
        }
        // one row after the other, so that there never are two sets of them
        let rows = rows
            .into_iter()
            .map(|row| {
                let placed = row.cells().filter_map(|(number, cell)| Some((place[number]?, cell)));
                let mut cells: Vec<_> = placed
                    .map(|(at, cell)| (at, if at == 0 { key_cell(cell) } else { cell }))
                    .collect();
                cells.sort_unstable_by_key(|(at, _)| *at);
                Packed::of(cells)
            })
            .collect();
        let table = Table::new(columns, key.shape, rows);
        (table, cuts)
    }
}

/// A key is written as text, so that it is the same text whatever type Wedof gives it.
fn key_cell(cell: Cell<'_>) -> Cell<'_> {
    match cell {
        Cell::Number(number) => Cell::Text(number.to_string().into()),
        Cell::Text(text) => Cell::Text(text.trim().to_owned().into()),
        other => other,
    }
}

/// The kind of an unknown column is that of its cells; the name alone would format texts as dates.
fn kind(path: &Path) -> Kind {
    match path.kind {
        kind if path.known => kind,
        Kind::Day | Kind::Instant => match (path.instants, path.days) {
            (true, _) => Kind::Instant,
            (false, true) => Kind::Day,
            (false, false) => Kind::Plain,
        },
        kind => kind,
    }
}

/// Gives every column a header that no other has, whatever the case: a Google Table would refuse it.
#[derive(Default)]
struct Labels {
    taken: HashSet<String>,
}

impl Labels {
    fn unique(&mut self, path: &str, selection: &Selection<'_>) -> String {
        let label = selection.label(path);
        let unique = std::iter::once(label.clone())
            .chain(std::iter::once(format!("{label} ({path})")))
            .chain((2..).map(|n| format!("{label} ({path}) {n}")))
            .find(|candidate| !self.taken.contains(&candidate.to_lowercase()))
            .unwrap_or(label);
        self.taken.insert(unique.to_lowercase());
        unique
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        spec::{ColumnsSpec, Headers, PersonalData, Preset, ResourceName},
        table::{KeyShape, Record},
        wedof::catalogue::Resource,
    };

    const KEY: Key = Key {
        field: "externalId",
        shape: KeyShape::Slug,
    };

    fn table(columns: &ColumnsSpec, records: &[Value]) -> Table {
        let resource = Resource::of(ResourceName::RegistrationFolders);
        let selection = Selection::new(resource, columns, PersonalData::Include);
        let mut flattener = Flattener::new(&selection);
        let rows = records
            .iter()
            .map(|record| flattener.row(record.as_object().unwrap()))
            .collect();
        flattener.table(KEY, rows).0
    }

    fn paths(table: &Table) -> Vec<&str> {
        table.columns.iter().map(|column| column.path.as_str()).collect()
    }

    fn labels(table: &Table) -> Vec<&str> {
        table.columns.iter().map(|column| column.label.as_str()).collect()
    }

    fn folder() -> Value {
        json!({
            "zone": {"b": 1, "a": 2},
            "notes": "",
            "metadata": {"clé": {"x": 1}},
            "files": [{"id": 1}],
            "tags": ["promo"],
            "attendee": {"lastName": "Durand", "dateOfBirth": "1990-01-01T00:00:00.000Z"},
            "state": "accepted",
            "externalId": "12345678901234",
            "_links": {"self": {"href": "/api/x"}, "organism": {"href": "/api/y", "siret": "12345678901234"}},
        })
    }

    #[test]
    fn columns_are_the_key_then_the_catalogues_then_unknown_ones_by_path() {
        let table = table(&ColumnsSpec::default(), &[folder()]);
        assert_eq!(
            paths(&table),
            [
                "externalId",
                "state",
                "attendee.lastName",
                "attendee.dateOfBirth",
                "tags",
                "files",
                "metadata",
                "_links.organism.siret",
                "zone.a",
                "zone.b",
            ]
        );
        assert_eq!(table.columns[0].kind, Kind::Identifier);
        assert_eq!(table.columns[3].kind, Kind::Day);
        assert_eq!(table.row(0)[3], Cell::Day(7305));
        assert_eq!(table.row(0)[6], Cell::Text(r#"{"clé":{"x":1}}"#.into()));
        assert_eq!(table.key_shape, KeyShape::Slug);
    }

    #[test]
    fn a_column_comes_with_the_first_record_that_fills_it() {
        let bare = json!({"externalId": "1", "state": null, "tags": []});
        assert_eq!(
            paths(&table(&ColumnsSpec::default(), std::slice::from_ref(&bare))),
            ["externalId"]
        );
        let both = table(&ColumnsSpec::default(), &[bare, folder()]);
        assert_eq!(both.row(0)[1], Cell::Blank);
        assert_eq!(both.row(1)[1], Cell::Text("accepted".into()));
    }

    #[test]
    fn include_and_exclude_choose_columns_but_the_key_stays() {
        let columns = ColumnsSpec {
            include: vec!["attendee".into(), "_links.self.href".into(), "externalId".into()],
            exclude: vec!["externalId".into(), "*.dateOfBirth".into()],
            ..ColumnsSpec::default()
        };
        assert_eq!(
            paths(&table(&columns, &[folder()])),
            ["externalId", "attendee.lastName", "_links.self.href"]
        );
    }

    #[test]
    fn headers_are_the_specs_labels_then_french_or_the_path_and_never_twice() {
        let mut columns = ColumnsSpec {
            labels: [("state", "Nom"), ("attendee.lastName", " nom\n"), ("tags", " ")]
                .map(|(path, label)| (path.to_owned(), label.to_owned()))
                .into(),
            ..ColumnsSpec::default()
        };
        let own = table(&columns, &[folder()]);
        assert_eq!(
            labels(&own)[..5],
            [
                "externalId",
                "Nom",
                "nom (attendee.lastName)",
                "attendee.dateOfBirth",
                "tags"
            ]
        );
        columns.headers = Some(Headers::French);
        let french = table(&columns, &[folder()]);
        assert_eq!(labels(&french)[..2], ["N° de dossier", "Nom"]);
        assert_eq!(labels(&french)[4], "Étiquettes");
        assert_eq!(labels(&french)[8], "zone.a");
        columns.headers = Some(Headers::English);
        assert_eq!(labels(&table(&columns, &[folder()]))[4], "Tags");
    }

    #[test]
    fn the_tracking_sheet_has_its_own_order_and_french_headers() {
        let mut columns = ColumnsSpec {
            preset: Some(Preset::Suivi),
            include: vec!["tags".into()],
            ..ColumnsSpec::default()
        };
        let mut folder = folder();
        folder["history"] = json!({"acceptedDate": "2024-01-01T00:00:00Z"});
        folder["attendee"]["id"] = json!(7);
        let suivi = table(&columns, &[folder.clone()]);
        assert_eq!(
            labels(&suivi),
            [
                "N° de dossier",
                "Stagiaire : n°",
                "Nom",
                "Date de naissance",
                "Accepté le",
                "Étiquettes"
            ]
        );
        columns.headers = Some(Headers::Path);
        assert_eq!(labels(&table(&columns, &[folder]))[4], "history.acceptedDate");
    }

    #[test]
    fn a_bank_account_number_never_becomes_a_cell() {
        let record = json!({"externalId": "1", "iban": "FR76", "attendee": {"nir": "1850", "id": 7}, "bank": [{"iban": "FR76", "name": "x"}],
            "metadata": {"iban": "FR76", "a": 1}});
        let table = table(
            &ColumnsSpec {
                preset: Some(Preset::All),
                ..ColumnsSpec::default()
            },
            &[record],
        );
        assert_eq!(paths(&table), ["externalId", "metadata", "attendee.id", "bank"]);
        assert!(!format!("{table:?}").contains("FR76"));
    }

    #[test]
    fn a_dot_inside_a_name_makes_another_path_than_a_parent() {
        let record = json!({"externalId": "1", "a.b": 1, "a": {"b": 2, "": 3}, "a\\": {"b": 4}});
        let table = table(&ColumnsSpec::default(), &[record]);
        assert_eq!(paths(&table), ["externalId", "a.\\0", "a.b", "a\\.b", "a\\\\.b"]);
    }

    #[test]
    fn an_unknown_date_is_formatted_as_one_only_if_its_cells_are() {
        let record =
            json!({"externalId": 7, "fooDate": "soon", "barDate": "2024-01-01", "bazOn": "2024-01-01T00:00:00Z"});
        let table = table(&ColumnsSpec::default(), &[record]);
        let kinds: Vec<_> = table
            .columns
            .iter()
            .map(|column| (column.path.as_str(), column.kind))
            .collect();
        assert_eq!(
            kinds,
            [
                ("externalId", Kind::Identifier),
                ("barDate", Kind::Day),
                ("bazOn", Kind::Instant),
                ("fooDate", Kind::Plain),
            ]
        );
        assert_eq!(table.row(0)[0], Cell::Text("7".into()));
    }

    /// Anything that JSON can say: extreme numbers, texts longer than a cell, names of any kind, many levels.
    fn json_value() -> impl Strategy<Value = Value> {
        let numbers = prop::sample::select(vec![
            json!(u64::MAX),
            json!(i64::MIN),
            json!(9_007_199_254_740_993_u64),
            json!(1e308),
            json!(5e-324),
            json!(-0.0),
        ]);
        let texts = prop::sample::select(vec![
            "\u{fffd}".to_owned(),
            "a\0b\r\n\u{1b}".to_owned(),
            "=1+1".to_owned(),
            "Nan".to_owned(),
            "2024-02-30T00:00:00Z".to_owned(),
            "😀".repeat(25_001),
        ]);
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,4}".prop_map(Value::from),
            numbers,
            texts.prop_map(Value::from),
        ];
        leaf.prop_recursive(8, 40, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map("[a.\\\\*\\]\u{fffd}é\\s]{0,3}", inner, 0..4).prop_map(Value::from_iter),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_records_make_a_rectangle_with_headers_that_differ(
            records in prop::collection::vec(prop::collection::btree_map("[abA.\u{fffd}]{0,2}", json_value(), 0..5), 0..6),
            french in any::<bool>(),
        ) {
            let columns = ColumnsSpec {
                labels: [("a".to_owned(), "B".to_owned()), ("b".to_owned(), "b (b)".to_owned())].into(),
                headers: french.then_some(Headers::French),
                ..ColumnsSpec::default()
            };
            let records: Vec<Record> = records.into_iter().map(|map| map.into_iter().collect()).collect();
            let resource = Resource::of(ResourceName::RegistrationFolders);
            let read = || {
                let selection = Selection::new(resource, &columns, PersonalData::Include);
                let mut flattener = Flattener::new(&selection);
                let rows = records.iter().map(|record| flattener.row(record)).collect();
                flattener.table(KEY, rows).0
            };
            let table = read();
            prop_assert_eq!(table.len(), records.len());
            prop_assert!(table.rows().all(|row| row.len() == table.columns.len()));
            prop_assert!(table.rows().flatten().all(|cell| !matches!(cell, Cell::Number(n) if !n.is_finite())));
            for column in 1..table.columns.len() {
                prop_assert!(table.rows().any(|row| row[column] != Cell::Blank), "an empty column");
            }
            let headers: HashSet<_> = table.columns.iter().map(|column| column.label.to_lowercase()).collect();
            prop_assert_eq!(headers.len(), table.columns.len());
            let unique: HashSet<_> = table.columns.iter().map(|column| &column.path).collect();
            prop_assert_eq!(unique.len(), table.columns.len());
            prop_assert_eq!(read(), table);
        }
    }
}
