//! Watches that end as soon as they begin, as behind a broken proxy, are not opened again in a hurry: kube does so without
//! any wait when a watch ends without an error.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Between two beginnings of the same watch.
const GAP: Duration = Duration::from_secs(1);

/// When each watch was begun last, by its path.
#[derive(Debug, Default)]
pub struct Pace(Mutex<HashMap<String, Instant>>);

impl Pace {
    /// A watch is about to begin: how long it has to wait.
    pub fn wait(&self, path: &str, now: Instant) -> Duration {
        let mut begun = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = begun.get(path).map(|last| (*last + GAP).saturating_duration_since(now));
        let wait = wait.unwrap_or_default();
        begun.insert(path.to_owned(), now + wait);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_follows_too_soon_waits() {
        let (pace, start) = (Pace::default(), Instant::now());
        let at = |millis| start + Duration::from_millis(millis);
        assert_eq!(pace.wait("pods", at(0)), Duration::ZERO);
        assert_eq!(pace.wait("jobs", at(0)), Duration::ZERO);
        assert_eq!(pace.wait("pods", at(300)), Duration::from_millis(700));
        assert_eq!(
            pace.wait("pods", at(1100)),
            Duration::from_millis(900),
            "it began at 1 s"
        );
        assert_eq!(pace.wait("pods", at(290_000)), Duration::ZERO);
    }
}
