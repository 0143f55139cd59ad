//! Simulators, a folder of their own, and the program run in it.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use wedof_sheet_sync::{
    report::{ResourceOutcome, ResourceReport, RunReport},
    simulator::{Options, Running, start},
};

pub const FOLDERS: &str = "Registration Folders";

/// What a world syncs unless its test wants something else.
pub const THREE: [&str; 3] = ["registrationFolders", "certificationFolders", "organisms"];

pub struct World {
    pub running: Running,
    pub folder: TempDir,
    http: reqwest::Client,
}

/// How a run of the program ended.
#[derive(Debug)]
pub struct Run {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    pub report: RunReport,
}

impl Run {
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub fn says(&self, text: &str) {
        let message = self.report.message.as_deref().unwrap_or_default();
        assert!(message.contains(text), "{message}");
    }

    /// What became of a resource.
    #[track_caller]
    pub fn of(&self, name: &str) -> &ResourceReport {
        let found = self.report.resources.iter().find(|resource| resource.name == name);
        found.unwrap_or_else(|| panic!("no {name} in {:?}", self.report))
    }

    pub fn outcomes(&self) -> Vec<ResourceOutcome> {
        self.report.resources.iter().map(|resource| resource.outcome).collect()
    }
}

impl World {
    pub async fn new(folders: usize) -> Self {
        Self::with(Options {
            folders,
            ..Options::default()
        })
        .await
    }

    pub async fn with(options: Options) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let running = start(options).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let tenant = &running.tenants[0];
        std::fs::write(folder.path().join("key.json"), &tenant.credentials).unwrap();
        let world = Self {
            folder,
            // a connection that is kept may be ended by a fault
            http: reqwest::Client::builder()
                .no_proxy()
                .pool_max_idle_per_host(0)
                .build()
                .unwrap(),
            running,
        };
        world.write_env(&world.running.tenants[0].api_key, "");
        world.want(Some(&THREE));
        world
    }

    /// What this person syncs: these resources, or the default ones.
    pub fn want(&self, resources: Option<&[&str]>) {
        let text = match resources {
            Some(names) => json!({"resources": names.iter().map(|name| json!({"name": name})).collect::<Vec<_>>()}),
            None => json!({}),
        };
        self.write("wanted.json", text.to_string().as_bytes());
    }

    /// The `.env` of a person, with a key and further lines.
    pub fn write_env(&self, key: &str, more: &str) {
        let Running {
            wedof_url,
            sheets_url,
            tenants,
            ..
        } = &self.running;
        let text = format!(
            "WEDOF_API_KEY={key}\nGOOGLE_CREDENTIALS_PATH=key.json\nGOOGLE_SPREADSHEET_ID={}\nWEDOF_BASE_URL={wedof_url}\n\
             GOOGLE_SHEETS_BASE_URL={sheets_url}\nWEDOF_SHEET_SYNC_CONFIG=wanted.json\n{more}",
            tenants[0].spreadsheet_id
        );
        self.write(".env", text.as_bytes());
    }

    pub fn write(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The program in this folder, with no variables but its own.
    pub fn program(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wedof-sheet-sync"));
        command
            .args(args)
            .current_dir(self.folder.path())
            .env_clear()
            .env("RETRY_DELAY", "0.01")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    /// One `sync` with a report.
    pub async fn sync(&self, args: &[&str]) -> Run {
        self.sync_with(args, &[]).await
    }

    pub async fn sync_with(&self, args: &[&str], variables: &[(&str, &str)]) -> Run {
        let mut command = self.program(&[&["sync", "--report", "report.json"], args].concat());
        let output = command.envs(variables.iter().copied()).output().await.unwrap();
        Run {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            report: report(&self.path("report.json")).expect("a report"),
        }
    }

    pub fn start(&self, args: &[&str]) -> Child {
        self.program(&[&["sync", "--report", "report.json"], args].concat())
            .spawn()
            .unwrap()
    }

    /// A request to the simulators' own paths.
    async fn admin(&self, base: std::net::SocketAddr, method: &str, path: &str, body: Option<Value>) -> Value {
        let mut request = self
            .http
            .request(method.parse().unwrap(), format!("http://{base}/{path}"));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{method} {path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    pub async fn wedof(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        self.admin(self.running.wedof, method, &format!("_wedof/0/{path}"), body)
            .await
    }

    /// Changes how the simulated Wedof behaves.
    pub async fn wedof_settings(&self, settings: Value) {
        self.admin(self.running.wedof, "PATCH", "_settings", Some(settings))
            .await;
    }

    pub async fn wedof_fault(&self, fault: Value) {
        self.admin(self.running.wedof, "POST", "_faults", Some(fault)).await;
    }

    /// A request to the paths that the Google side has for tests: status and answer.
    #[allow(dead_code, reason = "not every test program uses it")]
    pub async fn google(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let url = format!("http://{}/{path}", self.running.sheets);
        let request = self.http.request(method.parse().unwrap(), url);
        let answer = request.json(&body).send().await.unwrap();
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or_default())
    }

    pub async fn google_fault(&self, fault: Value) {
        self.admin(self.running.sheets, "POST", "_faults", Some(fault)).await;
    }

    /// Nothing stands in a request's way any more.
    pub async fn clear_faults(&self) {
        self.running.refuse_wedof(std::time::Duration::ZERO);
        self.running.refuse_sheets(std::time::Duration::ZERO);
        // what was refused for long may be so a moment longer
        for base in [self.running.wedof, self.running.sheets] {
            while tokio::net::TcpStream::connect(base).await.is_err() {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
            self.admin(base, "DELETE", "_faults", None).await;
        }
    }

    /// Waits until every fault has hit its request.
    pub async fn faults_have_hit(&self) {
        for base in [self.running.wedof, self.running.sheets] {
            while self.admin(base, "GET", "_faults", None).await != json!([]) {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        }
    }

    pub async fn forget_requests(&self) {
        self.admin(self.running.wedof, "DELETE", "_requests", None).await;
        self.admin(self.running.sheets, "DELETE", "_requests", None).await;
    }

    /// A person adds a column at the right of a tab and types into it, the header first.
    pub async fn add_column(&self, title: &str, texts: &[&str]) {
        let properties = self.tab(title)["properties"].clone();
        let (sheet, width) = (&properties["sheetId"], &properties["gridProperties"]["columnCount"]);
        let rows: Vec<_> = texts
            .iter()
            .map(|text| match *text {
                "" => json!({"values": [{}]}),
                text => json!({"values": [{"userEnteredValue": {"stringValue": text}}]}),
            })
            .collect();
        self.edit(json!([
            {"appendDimension": {"sheetId": sheet, "dimension": "COLUMNS", "length": 1}},
            {"updateCells": {
                "start": {"sheetId": sheet, "rowIndex": 0, "columnIndex": width},
                "rows": rows,
                "fields": "userEnteredValue",
            }},
        ]))
        .await;
    }

    /// A person edits the spreadsheet.
    pub async fn edit(&self, requests: Value) {
        let id = &self.running.tenants[0].spreadsheet_id;
        let path = format!("_sheets/{id}:batchUpdate");
        self.admin(self.running.sheets, "POST", &path, Some(json!({"requests": requests})))
            .await;
    }

    pub fn state(&self) -> Value {
        let id = &self.running.tenants[0].spreadsheet_id;
        self.running.spreadsheet_json(id).unwrap()
    }

    /// The state of a tab; null if there is none.
    pub fn tab(&self, title: &str) -> Value {
        let state = self.state();
        let mut sheets = state["sheets"].as_array().unwrap().iter();
        sheets
            .find(|sheet| sheet["properties"]["title"] == title)
            .cloned()
            .unwrap_or_default()
    }

    /// The values of a tab down to the last row that holds any, the header first.
    pub fn values(&self, title: &str) -> Vec<Vec<Value>> {
        let mut values: Vec<Vec<Value>> = serde_json::from_value(self.tab(title)["values"].clone()).unwrap_or_default();
        while values.last().is_some_and(|row| row.iter().all(Value::is_null)) {
            values.pop();
        }
        values
    }

    pub fn keys(&self, title: &str) -> Vec<String> {
        let rows = self.values(title).into_iter().skip(1);
        rows.map(|row| row[0].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Ids of the account's folders in Wedof, in the order of its list.
    pub async fn folder_ids(&self) -> Vec<String> {
        let folders = self.wedof("GET", "registrationFolders", None).await;
        let folders = folders.as_array().unwrap().iter();
        folders
            .map(|folder| folder["externalId"].as_str().unwrap().to_owned())
            .collect()
    }
}

/// Ends a run by SIGTERM, as Kubernetes does; gives its exit code.
pub async fn terminate(child: &mut Child) -> Option<i32> {
    let pid = child.id().unwrap().to_string();
    let sent = Command::new("kill").args(["-TERM", &pid]).status().await;
    assert!(sent.unwrap().success());
    child.wait().await.unwrap().code()
}

pub fn report(path: &Path) -> Option<RunReport> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}
