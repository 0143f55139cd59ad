//! What a person sees while a run is followed, on standard error: bars at a terminal, lines elsewhere.

use std::io::Write;

use jiff::tz::TimeZone;

use super::{
    follow::News,
    line::{Level, Line},
};
use crate::progress::{self, Progress, Step, Task};

/// More lines than any table has.
const MAX_UNLOGGED: usize = 200;

pub struct Screen {
    progress: Progress,
    /// The resource under way and its bar.
    task: Option<(String, Task)>,
    zone: TimeZone,
    /// What was said last: nothing is said twice in a row.
    said: String,
    /// What keeps a pod from starting, as told last.
    stuck: String,
    /// Lines that are none of the log: the run's own table, or the last words of one that broke down.
    unlogged: Vec<String>,
}

impl Screen {
    pub fn new() -> Self {
        Self {
            progress: Progress::new(true),
            task: None,
            zone: TimeZone::system(),
            said: String::new(),
            stuck: String::new(),
            unlogged: Vec::new(),
        }
    }

    pub fn say(&mut self, text: &str) {
        if self.said != text {
            print(text);
            text.clone_into(&mut self.said);
        }
    }

    /// What keeps the run from going on, by the status or by its pod: the same reason is told once.
    pub fn trouble(&mut self, reason: &str, message: &str) {
        if self.stuck != reason {
            self.say(&format!("{reason}: {message}"));
            reason.clone_into(&mut self.stuck);
        }
    }

    pub fn news(&mut self, news: News) {
        match news {
            News::Attempt { number: 1, pod } => self.say(&format!("Pod {pod} runs")),
            News::Attempt { number, pod } => self.say(&format!("Attempt {number}: pod {pod} runs")),
            News::Stuck(reason, message) => self.trouble(&reason, &format!("its pod cannot start: {message}")),
            News::NoRight(what) => self.say(&format!("No right to read {what}: only the status is followed")),
            News::Line(text) => self.line(&Line::of(&text)),
        }
    }

    fn line(&mut self, line: &Line) {
        if line.level == Level::Other {
            if line.at.is_none() && self.unlogged.len() < MAX_UNLOGGED {
                self.unlogged.push(line.message.clone());
            }
            return;
        }
        if self.progress.has_bars() {
            if let Some(step) = progress::parse(&line.message) {
                return self.step(&step);
            }
            let has_ended = |(tab, _): &(String, Task)| line.message.starts_with(&format!("{tab}: "));
            if self.task.as_ref().is_some_and(has_ended) {
                self.clear();
            }
        }
        print(&line.text(&self.zone));
    }

    fn step(&mut self, step: &Step<'_>) {
        if self.task.as_ref().is_some_and(|(tab, _)| tab != step.tab) {
            self.clear();
        }
        let (_, task) = self
            .task
            .get_or_insert_with(|| (step.tab.to_owned(), self.progress.start(step.tab)));
        match step.is_all {
            true => task.compare(usize::try_from(step.records).unwrap_or(usize::MAX)),
            false => task.read(step.records, step.total),
        }
    }

    /// What a run that did not end well had to say beside its log.
    pub fn say_unlogged(&mut self) {
        for line in std::mem::take(&mut self.unlogged) {
            print(&line);
        }
    }

    /// Takes the bar away.
    pub fn clear(&mut self) {
        if let Some((_, task)) = self.task.take() {
            task.put_off();
        }
    }
}

fn print(text: &str) {
    let _ = writeln!(progress::stderr(), "{text}");
}
