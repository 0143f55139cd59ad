//! When a run has to end before it is done: SIGTERM, Ctrl-C or its deadline. It stops where every tab is whole.

use std::time::Instant;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::failure::{Failure, reason};

#[derive(Debug, Clone, Default)]
pub struct Stop {
    token: CancellationToken,
    deadline: Option<Instant>,
}

impl Stop {
    /// Stops on SIGTERM (as Kubernetes sends it), on Ctrl-C and at the deadline. A second Ctrl-C ends the process.
    pub fn on_signals(deadline: Option<Instant>) -> Self {
        let stop = Self {
            token: CancellationToken::new(),
            deadline,
        };
        let token = stop.token.clone();
        tokio::spawn(async move {
            let mut terminate = signal(SignalKind::terminate()).ok();
            let terminated = async {
                match &mut terminate {
                    Some(terminate) => terminate.recv().await,
                    None => std::future::pending().await,
                }
            };
            let late = async {
                match deadline {
                    Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {
                    tracing::warn!("stopping where every tab is whole; Ctrl-C again ends at once");
                }
                _ = terminated => tracing::warn!("stopping where every tab is whole"),
                () = late => tracing::warn!("the deadline has passed; stopping where every tab is whole"),
            }
            token.cancel();
            if tokio::signal::ctrl_c().await.is_ok() {
                std::process::exit(130);
            }
        });
        stop
    }

    pub fn token(&self) -> CancellationToken {
        self.token.clone()
    }

    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// What a future gives, unless the run has to stop before.
    pub async fn or_failure<T>(&self, future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        tokio::select! {
            biased;
            () = self.token.cancelled() => Err(self.told(Failure::later(reason::INTERRUPTED, "interrupted before the first request"))),
            result = future => result,
        }
    }

    /// An interruption after the deadline is the deadline's.
    pub fn told(&self, failure: Failure) -> Failure {
        let late = self.deadline.is_some_and(|deadline| deadline <= Instant::now());
        match failure.reason {
            reason::INTERRUPTED if late => Failure {
                reason: reason::DEADLINE,
                ..failure
            },
            _ => failure,
        }
    }
}
