//! A failure as a person needs it: what is wrong, where, what to do, and whether trying again can help.

/// Who can mend a failure. Decides the exit code and whether a Job tries again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mend {
    /// Network, quota, 5xx, somebody editing: a later run may succeed. Exit code 1.
    Later,
    /// Configuration, key, right, refused deletion: fails again until a person changes something. Exit code 2.
    Person,
}

/// One failure, ready to be shown. `message` names the place (Secret and key, tab, record, field) and what to do; it
/// never holds a secret or personal data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// CamelCase, one of [`reason`]; ends up in status conditions and metrics.
    pub reason: &'static str,
    pub message: String,
    pub mend: Mend,
}

impl Failure {
    pub fn later(reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            mend: Mend::Later,
        }
    }

    pub fn person(reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            mend: Mend::Person,
        }
    }

    pub fn exit_code(&self) -> u8 {
        match self.mend {
            Mend::Later => 1,
            Mend::Person => 2,
        }
    }
}

/// Reasons of failures of a sync, each with when it appears.
pub mod reason {
    /// The configuration cannot be read or contradicts itself.
    pub const INVALID_CONFIG: &str = "InvalidConfig";
    /// A mounted Secret or key file, or a variable, is not there (yet).
    pub const SECRET_MISSING: &str = "SecretMissing";
    /// A credential is there and cannot be one (empty, control characters, another kind of key file).
    pub const SECRET_INVALID: &str = "SecretInvalid";
    /// Wedof answered 401 to the key.
    pub const WEDOF_KEY_REFUSED: &str = "WedofKeyRefused";
    /// Wedof answered 403, 404 or 405 for a resource.
    pub const WEDOF_UNAVAILABLE: &str = "WedofUnavailable";
    /// The resource's rows could only be known by personal data, which the spec leaves out.
    pub const PERSONAL_DATA: &str = "PersonalDataOnly";
    /// Nothing of Wedof could be reached at all.
    pub const WEDOF_UNREACHABLE: &str = "WedofUnreachable";
    /// Wedof could not be reached or kept failing (network, 429, 5xx, not JSON).
    pub const WEDOF_ERROR: &str = "WedofError";
    /// A listing could not be read to its end: no row was touched.
    pub const INCOMPLETE_READ: &str = "IncompleteRead";
    /// Google's token endpoint refused the service account's key.
    pub const GOOGLE_KEY_REFUSED: &str = "GoogleKeyRefused";
    /// The local clock differs from Google's.
    pub const CLOCK_SKEW: &str = "ClockSkew";
    /// No spreadsheet has that ID, or it is an Office file.
    pub const SPREADSHEET_NOT_FOUND: &str = "SpreadsheetNotFound";
    /// The spreadsheet is not shared with the service account as editor.
    pub const SPREADSHEET_FORBIDDEN: &str = "SpreadsheetForbidden";
    /// Google could not be reached or kept failing (network, 429, 5xx).
    pub const GOOGLE_ERROR: &str = "GoogleError";
    /// A tab of that name is not ours, or what makes it ours is gone.
    pub const TAB_REFUSED: &str = "TabRefused";
    /// The run would delete more rows than the guard allows.
    pub const DELETION_REFUSED: &str = "DeletionRefused";
    /// People or another run kept changing the tab; three rounds were not enough.
    pub const CONFLICT: &str = "Conflict";
    /// The run's own deadline passed.
    pub const DEADLINE: &str = "DeadlineExceeded";
    /// SIGTERM or Ctrl-C: the run stopped at a batch boundary.
    pub const INTERRUPTED: &str = "Interrupted";
    /// A panic: a defect of this program.
    pub const INTERNAL: &str = "InternalError";
    /// Some resources were synced, others were not.
    pub const PARTIAL: &str = "Partial";
}
