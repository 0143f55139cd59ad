//! Writing tables to Google Sheets.

use rstest::rstest;
use serde_json::{Value, json};
use wedof_sheet_sync::report::ResourceOutcome::*;

use crate::{
    shared::{FOLDERS_ONLY, WITH_ORGANISM, account, check, column, finds, folder, folders, id, ids, want},
    world::{FOLDERS, World},
};

fn range(sheet: &Value, rows: (usize, usize), columns: (usize, usize)) -> Value {
    json!({
        "sheetId": sheet,
        "startRowIndex": rows.0, "endRowIndex": rows.1, "startColumnIndex": columns.0, "endColumnIndex": columns.1,
    })
}

#[rstest]
#[case::column_cpf_row_2024("CPF2024")]
#[case::the_first_cell("A1")]
#[case::row_and_column("R1C1")]
#[case::a_number("2024")]
#[case::quotes_colons_and_accents("L'été : 10h30")]
#[case::what_urls_and_formulas_use("#1/2 ? 100 % !A:B")]
#[tokio::test(flavor = "multi_thread")]
async fn b2_a_tab_called_like_a_cell_is_read_and_written_as_a_tab(#[case] title: &str) {
    let spec = json!({"resources": [{"name": "registrationFolders", "tab": title}]}).to_string();
    let world = account(&folders(1..=3), &spec).await;
    // cells that the title could be taken for
    let mine = json!({"values": [{"userEnteredValue": {"stringValue": "à moi"}}]});
    let start = json!({"sheetId": 0, "rowIndex": 0, "columnIndex": 0});
    world
        .edit(json!([{"updateCells": {"start": start, "rows": [mine], "fields": "userEnteredValue"}}]))
        .await;
    world.sync(&[]).await.expect(0);
    assert_eq!(world.keys(title), ids(1..=3));

    world
        .wedof(
            "PATCH",
            &format!("registrationFolders/{}", id(2)),
            Some(json!({"state": "inTraining"})),
        )
        .await;
    world.wedof("POST", "registrationFolders", Some(folder(4))).await;
    let run = world.sync(&[]).await.expect(0);
    assert_eq!((run.report.added, run.report.updated, run.report.removed), (1, 1, 0));
    assert_eq!(world.keys(title), ids(1..=4));
    assert_eq!(
        column(&world.values(title), "state"),
        ["accepted", "inTraining", "accepted", "accepted"]
    );
    assert_eq!(world.values("Sheet1"), [["à moi"]]);
    assert_eq!(world.sync(&[]).await.expect(0).outcomes(), [Unchanged]);
}

#[tokio::test(flavor = "multi_thread")]
async fn b4_with_rows_hidden_by_a_filter_every_row_gets_its_own_values_and_the_filter_stays() {
    let world = account(&folders(1..=12), FOLDERS_ONLY).await;
    world.sync(&[]).await.expect(0);
    let sheet = world.tab(FOLDERS)["properties"]["sheetId"].clone();
    let hides = json!({"1": {"hiddenValues": ["hidden"]}});
    for number in 1..=4 {
        world
            .wedof(
                "PATCH",
                &format!("registrationFolders/{}", id(number)),
                Some(json!({"state": "hidden"})),
            )
            .await;
    }
    world.sync(&[]).await.expect(0);
    let filter = json!({"range": range(&sheet, (0, 13), (0, 4)), "criteria": hides});
    world.edit(json!([{"setBasicFilter": {"filter": filter}}])).await;
    for number in 1..=10 {
        let change = json!({"amountTtc": 1000 + number, "attendee": {"lastName": format!("Nouveau {number}")}});
        world
            .wedof("PATCH", &format!("registrationFolders/{}", id(number)), Some(change))
            .await;
    }
    world.wedof("POST", "registrationFolders", Some(folder(13))).await;

    let run = world.sync(&[]).await.expect(0);
    assert_eq!((run.report.added, run.report.updated), (1, 10));
    let values = world.values(FOLDERS);
    assert_eq!(column(&values, "externalId"), ids(1..=13));
    let names: Vec<String> = (1..=13)
        .map(|number| {
            if number <= 10 {
                format!("Nouveau {number}")
            } else {
                format!("Nom {number}")
            }
        })
        .collect();
    assert_eq!(column(&values, "attendee.lastName"), names);
    let amounts = column(&values, "amountTtc");
    assert_eq!(
        (&amounts[0], &amounts[9], &amounts[12]),
        (&json!(1001), &json!(1010), &json!(19.5))
    );
    assert_eq!(world.tab(FOLDERS)["basicFilter"]["criteria"], hides);

    // the kind of request that skips hidden rows does not pass unseen
    let id = &world.running.tenants[0].spreadsheet_id;
    let paste = json!({"requests": [{"pasteData": {"coordinate": {"sheetId": sheet}, "data": "x", "delimiter": ","}}]});
    let answer = world
        .google("POST", &format!("_sheets/{id}:batchUpdate"), Some(paste))
        .await;
    assert!(answer.0 >= 400, "{answer:?}");
}

async fn office_file(world: &World) -> &'static str {
    let id = "1OfficeFile00000000000000";
    let email = world.running.tenants[0].email.clone();
    let file = json!({"id": id, "office": true, "sharing": {email: "writer"}});
    assert_eq!(world.google("POST", "_sheets", Some(file)).await.0, 201);
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn b6_an_office_file_is_called_one_and_asked_for_once() {
    let world = account(&folders(1..=3), FOLDERS_ONLY).await;
    let id = office_file(&world).await;
    let run = world.sync_with(&[], &[("GOOGLE_SPREADSHEET_ID", id)]).await.expect(2);
    assert_eq!(run.report.reason.as_deref(), Some("SpreadsheetNotFound"));
    run.says("Office file");
    run.says("Save as Google Sheets");
    assert_eq!(world.running.sheets_requests().by_kind["spreadsheets.get"], 1);
    assert_eq!(world.running.wedof_requests().total, 0);
    let env = std::fs::read_to_string(world.path(".env")).unwrap();
    world.write(".env", format!("{env}GOOGLE_SPREADSHEET_ID={id}\n").as_bytes());
    finds(check(&world).await, 2, &["Office file", "Save as Google Sheets"]);
    world.write(".env", env.as_bytes());
    // another spreadsheet of the same account is none the worse for it
    world.sync(&[]).await.expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn b8_text_that_looks_like_a_number_stays_text_and_one_odd_value_fails_nothing() {
    let texts = [
        "Nan",
        "NaN",
        "Inf",
        "-inf",
        "Infinity",
        "1e999",
        "7e30",
        "84824798_1161",
        "0x1F",
        "007",
        "=1+1",
        "'x",
        "TRUE",
        "1,5",
    ];
    let records: Vec<_> = texts
        .iter()
        .enumerate()
        .map(|(number, text)| {
            json!({"externalId": id(number + 1), "attendee": {"lastName": text}, "amountTtc": 1e308, "tags": [text]})
        })
        .collect();
    let world = account(&records, WITH_ORGANISM).await;
    world.sync(&[]).await.expect(0);
    let values = world.values(FOLDERS);
    assert_eq!(column(&values, "attendee.lastName"), texts);
    assert_eq!(column(&values, "tags"), texts);
    assert_eq!(column(&values, "amountTtc"), vec![json!(1e308); texts.len()]);

    // a number that no double holds, as only text can say it
    let odd = format!(
        r#"[{{"externalId": "{}", "amountTtc": 1e999, "attendee": {{"lastName": "Inf"}}}}]"#,
        id(1)
    );
    let answer = json!({"status": 200, "headers": {"x-total-count": "1", "x-item-per-page": "100"}, "body": odd});
    world
        .wedof_fault(json!({"path": "/api/registrationFolders", "times": 9, "answer": answer}))
        .await;
    world.sync(&[]).await.expect(0);
    let values = world.values(FOLDERS);
    assert_eq!(column(&values, "amountTtc")[0], "1e999");
    assert_eq!(world.sync(&[]).await.expect(0).outcomes(), [Unchanged, Unchanged]);
}

#[tokio::test(flavor = "multi_thread")]
async fn b10_a_protected_range_is_named_with_its_tab_and_the_account_and_nothing_is_half_written() {
    let world = account(&folders(1..=12), WITH_ORGANISM).await;
    world.sync(&[]).await.expect(0);
    let sheet = world.tab(FOLDERS)["properties"]["sheetId"].clone();
    let email = world.running.tenants[0].email.clone();
    let mut column_b = range(&sheet, (1, 13), (1, 2));
    column_b.as_object_mut().unwrap().remove("endRowIndex");
    let protection = json!({"range": column_b, "editors": {"users": ["someone@example.org"]}});
    world
        .edit(json!([{"addProtectedRange": {"protectedRange": protection}}]))
        .await;
    for number in 1..=3 {
        let change = json!({"state": "inTraining", "amountTtc": 7});
        world
            .wedof("PATCH", &format!("registrationFolders/{}", id(number)), Some(change))
            .await;
    }
    world
        .wedof("PATCH", "organisms/me", Some(json!({"name": "Nouveau nom"})))
        .await;
    let before = world.tab(FOLDERS);
    finds(
        check(&world).await,
        2,
        &[FOLDERS, "B2:B", &email, "Protect sheets and ranges"],
    );

    let run = world.sync(&[]).await.expect(2);
    assert_eq!(run.outcomes(), [Refused, Synced], "the other tab is synced");
    let message = run.report.resources[0].message.clone().unwrap();
    for part in [FOLDERS, "B2:B", &email, "Protect sheets and ranges"] {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert_eq!(world.tab(FOLDERS), before);

    // where it shows only when Google refuses: its own sentence is kept
    let text = "You are trying to edit a protected cell or object. Please contact the spreadsheet owner to remove protection \
                if you need to edit.";
    let error = json!({"error": {"code": 400, "message": format!("Invalid requests[2].updateCells: {text}"), "status": "INVALID_ARGUMENT"}});
    let id = world.tab(FOLDERS)["protectedRanges"][0]["protectedRangeId"].clone();
    world
        .edit(json!([{"deleteProtectedRange": {"protectedRangeId": id}}]))
        .await;
    let before = world.tab(FOLDERS);
    world
        .google_fault(json!({"path": "*:batchUpdate", "answer": {"status": 400, "body": error}}))
        .await;
    let run = world.sync(&[]).await.expect(2);
    assert_eq!(run.outcomes(), [Refused, Unchanged]);
    let message = run.report.resources[0].message.clone().unwrap();
    for part in [FOLDERS, &email, text] {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert_eq!(world.tab(FOLDERS), before);

    want(&world, FOLDERS_ONLY);
    assert_eq!(world.sync(&[]).await.expect(0).report.updated, 3);
}
