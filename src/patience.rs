//! How long the program waits: for an answer, and before it asks again.

use std::time::Duration;

use crate::{
    config::Environment,
    failure::{Failure, reason},
};

/// Limits that an operator may change: a slow proxy needs more time, a test less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// `HTTP_TIMEOUT`: a request without an answer is given up after so long. None: as fits the service asked.
    answer: Option<Duration>,
    /// `RETRY_DELAY`: the first wait before a request is sent again. Further ones double.
    retry: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            answer: None,
            retry: Duration::from_secs(1),
        }
    }
}

impl Patience {
    /// Both variables are seconds, `0.5` too.
    pub fn of(environment: &Environment) -> Result<Self, Failure> {
        let Self { answer, retry } = Self::default();
        Ok(Self {
            answer: seconds(environment, "HTTP_TIMEOUT")?.or(answer),
            retry: seconds(environment, "RETRY_DELAY")?.unwrap_or(retry),
        })
    }

    /// How long to wait for an answer of a service that has this limit of its own.
    pub fn answer(self, of_service: Duration) -> Duration {
        self.answer.unwrap_or(of_service)
    }

    pub fn retry(self) -> Duration {
        self.retry
    }
}

fn seconds(environment: &Environment, name: &str) -> Result<Option<Duration>, Failure> {
    let Some(text) = environment.get(name) else {
        return Ok(None);
    };
    match text.parse::<f64>() {
        Ok(seconds) if (0.001..=3600.0).contains(&seconds) => Ok(Some(Duration::from_secs_f64(seconds))),
        _ => Err(Failure::person(
            reason::INVALID_CONFIG,
            format!("{name}: `{text}` is no number of seconds between 0.001 and 3600"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_set_is_as_fits_the_service() {
        let patience = Patience::of(&Environment::default()).unwrap();
        assert_eq!(patience, Patience::default());
        assert_eq!(patience.answer(Duration::from_secs(45)), Duration::from_secs(45));
    }

    #[test]
    fn seconds_may_have_a_fraction_and_nonsense_is_told() {
        let patience = Patience::of(&Environment::from([("HTTP_TIMEOUT", "0.5"), ("RETRY_DELAY", "2")])).unwrap();
        assert_eq!(patience.answer(Duration::from_secs(45)), Duration::from_millis(500));
        assert_eq!(patience.retry(), Duration::from_secs(2));
        for wrong in ["soon", "0", "-1", "1e9", "NaN", "inf"] {
            let refused = Patience::of(&Environment::from([("RETRY_DELAY", wrong)])).unwrap_err();
            assert_eq!((refused.reason, refused.exit_code()), (reason::INVALID_CONFIG, 2));
            assert!(refused.message.contains(wrong), "{refused}");
        }
    }
}
