//! Memory, time and requests of whole syncs: the program itself, as a process, against the simulators in another one.
//!
//! `cargo bench --bench volume` measures 1,000, 10,000 and 100,000 records of forty filled columns: the first run, one
//! without a change and one after 1 % of the records changed; and beside them the way of scripts, which clears the tab and
//! writes everything. `cargo bench --bench volume -- 10000` measures that number alone. It fails if a run takes more
//! memory than [`MOST_MEMORY`], writes more often than its bytes need, or writes although nothing changed.

mod baseline;
mod child;
mod records;

use std::{
    error::Error,
    path::Path,
    process::{ExitCode, Stdio},
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use self::child::Usage;

/// The program; `WSS_BINARY` names another build of it, such as the shipped one.
fn program() -> String {
    let named = std::env::var("WSS_BINARY").ok();
    named.unwrap_or_else(|| env!("CARGO_BIN_EXE_wedof-sheet-sync").to_owned())
}

/// Asks this program to be the baseline.
const BASELINE: &str = "clear-and-write";
const SIZES: [usize; 3] = [1_000, 10_000, 100_000];
/// What no run may pass, whatever the number of records.
const MOST_MEMORY: u64 = 300_000_000;
/// The largest batch.
const BATCH: u64 = 8_000_000;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> ExitCode {
    // what cargo adds
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        eprintln!("error: TLS is set up twice");
    }
    let done = match arguments.first().map(String::as_str) {
        Some(BASELINE) => baseline::clear_and_write().await,
        _ => measure(&arguments).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn measure(sizes: &[String]) -> Result<()> {
    let sizes = match sizes {
        [] => SIZES.to_vec(),
        chosen => chosen
            .iter()
            .map(|size| size.parse())
            .collect::<std::result::Result<_, _>>()?,
    };
    println!(
        "| records | run | peak memory | time | processor | Wedof requests | Sheets reads | Sheets writes | MB sent |"
    );
    println!("|--:|---|--:|--:|--:|--:|--:|--:|--:|");
    let mut broken = Vec::new();
    for size in sizes {
        let world = World::new(size).await?;
        let first = world.sync("first run").await?;
        let unchanged = world.sync("unchanged").await?;
        world.change(size).await?;
        let changed = world.sync("1 % changed").await?;
        let baseline = world.clear_and_write().await?;
        for figures in [&first, &unchanged, &changed, &baseline] {
            println!("{}", figures.line(size));
        }
        for figures in [&first, &unchanged, &changed] {
            println!("{}", figures.ratios(&baseline));
            if figures.usage.peak > MOST_MEMORY {
                broken.push(format!(
                    "{size} records, {}: {} bytes of memory",
                    figures.run, figures.usage.peak
                ));
            }
        }
        let needed = first.sent.div_ceil(BATCH);
        if first.writes != needed {
            broken.push(format!(
                "{size} records: {} writes where {needed} are enough",
                first.writes
            ));
        }
        if unchanged.writes != 0 {
            broken.push(format!("{size} records, unchanged: {} writes", unchanged.writes));
        }
    }
    match broken.is_empty() {
        true => Ok(()),
        false => Err(broken.join("; ").into()),
    }
}

/// What a run took.
struct Figures {
    run: &'static str,
    usage: Usage,
    wedof: u64,
    reads: u64,
    writes: u64,
    /// Bytes of request bodies to Google.
    sent: u64,
}

impl Figures {
    fn line(&self, size: usize) -> String {
        let Self {
            run,
            usage: Usage { peak, wall, cpu },
            wedof,
            reads,
            writes,
            sent,
        } = self;
        let [peak, sent] = [peak, sent].map(|bytes| *bytes as f64 / 1e6);
        let [wall, cpu] = [wall, cpu].map(std::time::Duration::as_secs_f64);
        format!(
            "| {size} | {run} | {peak:.0} MB | {wall:.1} s | {cpu:.1} s | {wedof} | {reads} | {writes} | {sent:.2} |"
        )
    }

    /// Beside the baseline: how many times as much.
    fn ratios(&self, baseline: &Self) -> String {
        let times = |ours: f64, theirs: f64| if theirs > 0.0 { ours / theirs } else { 0.0 };
        format!(
            "| | {} ÷ clear and write | {:.2} | {:.2} | {:.2} | {:.2} | | {:.2} | {:.2} |",
            self.run,
            times(self.usage.peak as f64, baseline.usage.peak as f64),
            times(self.usage.wall.as_secs_f64(), baseline.usage.wall.as_secs_f64()),
            times(self.usage.cpu.as_secs_f64(), baseline.usage.cpu.as_secs_f64()),
            times(self.wedof as f64, baseline.wedof as f64),
            times(self.writes as f64, baseline.writes as f64),
            times(self.sent as f64, baseline.sent as f64),
        )
    }
}

/// Simulators in a process of their own, and a folder for what the program reads.
struct World {
    folder: tempfile::TempDir,
    address: Value,
    http: reqwest::Client,
    /// Ends with this.
    _simulators: Child,
}

impl World {
    async fn new(size: usize) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let dataset = folder.path().join("dataset");
        std::fs::create_dir(&dataset)?;
        records::write(&dataset.join("registrationFolders.json"), size)?;
        let mut simulators = Command::new(program())
            .args([
                "simulate",
                "--wedof",
                "127.0.0.1:0",
                "--sheets",
                "127.0.0.1:0",
                "--folders",
                "0",
            ])
            .arg("--dataset")
            .arg(&dataset)
            .arg("--credentials-out")
            .arg(folder.path().join("key.json"))
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let stdout = simulators.stdout.take().ok_or("no output")?;
        let ready = BufReader::new(stdout).lines().next_line().await?;
        Ok(Self {
            folder,
            address: serde_json::from_str(&ready.ok_or("the simulators did not start")?)?,
            http: reqwest::Client::builder().no_proxy().build()?,
            _simulators: simulators,
        })
    }

    fn address(&self, name: &str) -> &str {
        self.address[name].as_str().unwrap_or_default()
    }

    fn environment<'a>(&'a self, command: &'a mut Command, config: &Path) -> &'a mut Command {
        command
            .env_clear()
            .current_dir(self.folder.path())
            .env("WEDOF_BASE_URL", self.address("wedof"))
            .env("WEDOF_API_KEY", self.address("apiKey"))
            .env("WEDOF_PACE", "none")
            .env("GOOGLE_SHEETS_BASE_URL", self.address("sheets"))
            .env("GOOGLE_CREDENTIALS_PATH", self.address("credentials"))
            .env("GOOGLE_SPREADSHEET_ID", self.address("spreadsheetId"))
            .env("WEDOF_SHEET_SYNC_CONFIG", config)
    }

    async fn sync(&self, run: &'static str) -> Result<Figures> {
        let config = self.folder.path().join("config.json");
        let spec = json!({
            "spreadsheetId": self.address("spreadsheetId"),
            "resources": [{"name": "registrationFolders"}],
        });
        std::fs::write(&config, spec.to_string())?;
        let mut command = Command::new(program());
        self.environment(&mut command, &config).args(["sync", "--no-progress"]);
        self.figures(run, &mut command).await
    }

    async fn clear_and_write(&self) -> Result<Figures> {
        let mut command = Command::new(std::env::current_exe()?);
        self.environment(&mut command, Path::new("")).arg(BASELINE);
        self.figures("clear and write", &mut command).await
    }

    async fn figures(&self, run: &'static str, command: &mut Command) -> Result<Figures> {
        for side in ["wedof", "sheets"] {
            self.http
                .delete(self.side_door(side, "_requests"))
                .send()
                .await?
                .error_for_status()?;
        }
        let (output, usage) = child::run(command).await?;
        if !output.status.success() {
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(format!("{run}: {}{told}", String::from_utf8_lossy(&output.stdout)).into());
        }
        let wedof: Value = self
            .http
            .get(self.side_door("wedof", "_requests"))
            .send()
            .await?
            .json()
            .await?;
        let sheets: Value = self
            .http
            .get(self.side_door("sheets", "_requests"))
            .send()
            .await?
            .json()
            .await?;
        let count = |counts: &Value, name: &str| counts[name].as_u64().unwrap_or_default();
        Ok(Figures {
            run,
            usage,
            wedof: count(&wedof, "total"),
            reads: count(&sheets, "reads"),
            writes: count(&sheets, "writes"),
            sent: count(&sheets, "bytes"),
        })
    }

    /// A path of the simulators' own.
    fn side_door(&self, side: &str, path: &str) -> String {
        let address = self.address(side);
        format!("{}/{path}", address.trim_end_matches('/').trim_end_matches("/api"))
    }

    /// One in a hundred records gets other values in four of its fields.
    async fn change(&self, size: usize) -> Result<()> {
        for number in (0..size).step_by(100) {
            let id = records::folder(number)["externalId"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            let change = json!({
                "state": "refusedByAttendee",
                "completionRate": 0,
                "notes": "changed",
                "updatedOn": "2026-01-01T08:00:00.000Z",
            });
            let url = self.side_door("wedof", &format!("_wedof/0/registrationFolders/{id}"));
            self.http.patch(url).json(&change).send().await?.error_for_status()?;
        }
        Ok(())
    }
}
