//! A process under measure: its memory and processor time, as Linux counts them.

use std::{
    io,
    path::PathBuf,
    time::{Duration, Instant},
};

use tokio::process::{Child, ChildStdout, Command};

/// Clock ticks that /proc/PID/stat counts in, on every Linux of today.
const TICKS: f64 = 100.0;

pub struct Process {
    child: Child,
    id: u32,
    pub started: Instant,
}

/// Bytes of memory.
#[derive(Debug, Clone, Copy, Default)]
pub struct Memory {
    /// Resident: what `kubectl top` and the out-of-memory killer look at, pages of the program's file included.
    pub resident: u64,
    /// Of these, what the program itself wrote: heap, stacks, data.
    pub own: u64,
    /// The most that was resident since [`Process::forget_peak`].
    pub peak: u64,
}

impl Process {
    pub fn start(command: &mut Command) -> io::Result<Self> {
        let child = command.kill_on_drop(true).spawn()?;
        let id = child.id().ok_or_else(|| io::Error::other("it has ended already"))?;
        Ok(Self {
            child,
            id,
            started: Instant::now(),
        })
    }

    /// Its standard output, once, if it is piped.
    pub fn output(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    pub fn memory(&self) -> io::Result<Memory> {
        let text = std::fs::read_to_string(self.file("status"))?;
        let field = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
            kilobytes.unwrap_or_default() * 1024
        };
        Ok(Memory {
            resident: field("VmRSS:"),
            own: field("RssAnon:"),
            peak: field("VmHWM:"),
        })
    }

    /// Lets the peak begin anew.
    pub fn forget_peak(&self) -> io::Result<()> {
        std::fs::write(self.file("clear_refs"), "5")
    }

    /// Processor time so far, of the program and of Linux for it.
    pub fn cpu(&self) -> io::Result<Duration> {
        let stat = std::fs::read_to_string(self.file("stat"))?;
        // the name in parentheses may hold spaces; the times are fields 14 and 15 of the whole line
        let fields = stat.rsplit_once(") ").map(|(_, fields)| fields).unwrap_or_default();
        let ticks = fields.split(' ').skip(11).take(2);
        let ticks: f64 = ticks.filter_map(|ticks| ticks.parse::<f64>().ok()).sum();
        Ok(Duration::from_secs_f64(ticks / TICKS))
    }

    /// Asks it to end, and waits until it has.
    pub async fn stop(mut self) -> io::Result<()> {
        Command::new("kill").arg(self.id.to_string()).status().await?;
        self.child.wait().await?;
        Ok(())
    }

    fn file(&self, name: &str) -> PathBuf {
        format!("/proc/{}/{name}", self.id).into()
    }
}
