//! `sync --preview`: the tabs as an .xlsx file, without any access to Google.

use calamine::{Data, Reader, Xlsx, open_workbook};
use serde_json::json;
use wedof_sheet_sync::report::RunOutcome;

use crate::world::{FOLDERS, World};

/// A person who has a key of Wedof and nothing of Google.
async fn without_google(folders: usize) -> World {
    let world = World::new(folders).await;
    let (key, wedof) = (&world.running.tenants[0].api_key, &world.running.wedof_url);
    world.write(
        ".env",
        format!("WEDOF_API_KEY={key}\nWEDOF_BASE_URL={wedof}\nRETRY_DELAY=0.01\n").as_bytes(),
    );
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_needs_no_google_and_holds_every_record() {
    let world = without_google(12).await;
    let run = world
        .sync(&[
            "--preview",
            "out.xlsx",
            "--resource",
            "registrationFolders",
            "--resource",
            "organisms",
        ])
        .await
        .expect(0);
    assert_eq!((run.report.outcome, run.report.rows), (RunOutcome::Succeeded, 13));
    assert!(
        run.stdout.contains("Nothing was asked of Google (preview): 13 rows"),
        "{}",
        run.stdout
    );
    assert!(run.stdout.ends_with("out.xlsx\n"), "{}", run.stdout);
    assert_eq!(world.running.sheets_requests().total, 0);

    let mut book: Xlsx<_> = open_workbook(world.path("out.xlsx")).unwrap();
    assert_eq!(book.sheet_names(), [FOLDERS, "Organisms"]);
    let sheet = book.worksheet_range(FOLDERS).unwrap();
    assert_eq!(sheet.get((0, 0)), Some(&Data::String("externalId".to_owned())));
    let mut ids: Vec<String> = sheet.rows().skip(1).map(|row| row[0].to_string()).collect();
    let mut expected = world.folder_ids().await;
    ids.sort();
    expected.sort();
    assert_eq!(ids, expected);
    let header: Vec<String> = sheet.rows().next().unwrap().iter().map(ToString::to_string).collect();
    let column = header.iter().position(|label| label == "createdOn").unwrap();
    assert!(
        matches!(sheet.get((1, column)), Some(Data::DateTime(_))),
        "a date, not a text"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_read_has_no_tab_and_no_file_is_made_of_nothing() {
    let world = without_google(3).await;
    world
        .wedof_fault(json!({"path": "/api/organisms", "times": 99, "answer": {"status": 500}}))
        .await;
    let args = [
        "--preview",
        "out.xlsx",
        "--resource",
        "registrationFolders",
        "--resource",
        "organisms",
    ];
    let run = world.sync(&args).await.expect(1);
    assert_eq!(run.report.outcome, RunOutcome::Partial);
    let book: Xlsx<_> = open_workbook(world.path("out.xlsx")).unwrap();
    assert_eq!(book.sheet_names(), [FOLDERS]);

    let run = world
        .sync(&["--preview", "none.xlsx", "--resource", "organisms"])
        .await
        .expect(1);
    assert!(
        !world.path("none.xlsx").exists() && !run.stdout.contains("none.xlsx"),
        "{}",
        run.stdout
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_written_is_told_before_wedof_is_asked() {
    let world = without_google(3).await;
    let run = world.sync(&["--preview", "no/folder/out.xlsx"]).await.expect(2);
    run.says("no/folder/out.xlsx cannot be written");
    assert_eq!(world.running.wedof_requests().total, 0);
}
