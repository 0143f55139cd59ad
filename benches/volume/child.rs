//! A program run to its end, and what it took of memory and time, as Linux counts them.

use std::{
    process::Output,
    time::{Duration, Instant},
};

use tokio::process::Command;

/// Clock ticks that /proc/PID/stat counts in, on every Linux of today.
const TICKS: f64 = 100.0;
/// A process is looked at so often: its highest memory is kept by Linux, only what comes after the last look is missed.
const EVERY: Duration = Duration::from_millis(2);

#[derive(Debug, Clone, Copy, Default)]
pub struct Usage {
    /// Most memory held at one moment, bytes (VmHWM).
    pub peak: u64,
    pub wall: Duration,
    /// Processor time, of the program and of Linux for it.
    pub cpu: Duration,
}

pub async fn run(command: &mut Command) -> std::io::Result<(Output, Usage)> {
    let begun = Instant::now();
    let child = command
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let pid = child.id();
    let mut usage = Usage::default();
    let mut output = std::pin::pin!(child.wait_with_output());
    loop {
        tokio::select! {
            biased;
            output = &mut output => {
                usage.wall = begun.elapsed();
                return Ok((output?, usage));
            }
            () = tokio::time::sleep(EVERY) => look(pid, &mut usage),
        }
    }
}

fn look(pid: Option<u32>, usage: &mut Usage) {
    let Some(pid) = pid else { return };
    let read = |file: &str| std::fs::read_to_string(format!("/proc/{pid}/{file}"));
    if let Ok(status) = read("status")
        && let Some(peak) = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))
        && let Some(Ok(kilobytes)) = peak.split_whitespace().next().map(str::parse::<u64>)
    {
        usage.peak = usage.peak.max(kilobytes * 1024);
    }
    // the name in parentheses may hold spaces; the times are fields 14 and 15 of the whole line
    if let Ok(stat) = read("stat")
        && let Some((_, fields)) = stat.rsplit_once(") ")
    {
        let ticks = fields
            .split(' ')
            .skip(11)
            .take(2)
            .filter_map(|ticks| ticks.parse::<f64>().ok());
        usage.cpu = usage.cpu.max(Duration::from_secs_f64(ticks.sum::<f64>() / TICKS));
    }
}
