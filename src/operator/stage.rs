//! What this process is doing, for probes and metrics.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kube::runtime::reflector::Store;

use super::object::Object;

type Objects = Store<Object>;

#[derive(Clone, Default)]
pub enum Stage {
    /// Nothing is known yet.
    #[default]
    Starting,
    /// Another replica works.
    StandingBy,
    /// What the cluster holds is being read.
    Listing(Objects),
    Working(Objects),
}

impl Stage {
    pub fn leads(&self) -> bool {
        matches!(self, Self::Listing(_) | Self::Working(_))
    }

    /// The objects that are known, if this process looks at any.
    pub fn into_store(self) -> Option<Objects> {
        match self {
            Self::Starting | Self::StandingBy => None,
            Self::Listing(store) | Self::Working(store) => Some(store),
        }
    }
}

/// The stage of this process, shared.
#[derive(Clone, Default)]
pub struct Stages(Arc<Mutex<Stage>>);

impl Stages {
    pub fn now(&self) -> Stage {
        self.lock().clone()
    }

    pub fn enter(&self, stage: Stage) {
        *self.lock() = stage;
    }

    fn lock(&self) -> MutexGuard<'_, Stage> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Stages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stages")
    }
}
