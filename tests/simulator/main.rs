//! The simulators as their clients see them: over HTTP, with Google's own words.

mod recordings;
mod support;
