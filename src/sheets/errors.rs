//! Google's answers in words that help.

use super::client::{Client, Error};
use crate::failure::{Failure, reason};

/// The error as a failure of `place`, such as `tab "Dossiers"`.
pub fn failure(client: &Client, error: &Error, place: &str) -> Failure {
    let (status, message) = match error {
        Error::Failed(failure) => return failure.clone(),
        Error::Unclear(what) => return Failure::later(reason::GOOGLE_ERROR, format!("{place}: {what}")),
        Error::TooLarge => {
            let text = format!("{place}: {error}: move large texts that are not Wedof's to another tab");
            return Failure::person(reason::GOOGLE_ERROR, text);
        }
        Error::Refused { status, message } => (*status, message.as_str()),
    };
    let account = client.account();
    let (reason, text) = match status {
        404 => (
            reason::SPREADSHEET_NOT_FOUND,
            "no spreadsheet has that ID: copy it from the link, docs.google.com/spreadsheets/d/ID/edit".to_owned(),
        ),
        403 if message.contains("has not been used") || message.contains("disabled") => (
            reason::SPREADSHEET_FORBIDDEN,
            "the Google Sheets API is not enabled in the service account's project: enable it in the Google Cloud console \
             under APIs & Services"
                .to_owned(),
        ),
        403 => (
            reason::SPREADSHEET_FORBIDDEN,
            format!(
                "the spreadsheet is not shared with {account} as editor: open it, choose Share, add that address as Editor \
                 (Google: {message})"
            ),
        ),
        400 if message.contains("Office file") || message.contains("not supported for this document") => (
            reason::SPREADSHEET_NOT_FOUND,
            "that ID is an Office file (.xlsx) in Drive: open it, choose File > Save as Google Sheets, and use the new ID"
                .to_owned(),
        ),
        400 if is_protection(message) => (
            reason::TAB_REFUSED,
            format!(
                "{place} is protected against {account}: let that account edit it (Data > Protect sheets and ranges), or \
                 lift the protection (Google: {message})"
            ),
        ),
        401 => (
            reason::GOOGLE_KEY_REFUSED,
            format!("Google does not accept the tokens of {account} (Google: {message})"),
        ),
        429 | 500.. => {
            return Failure::later(
                reason::GOOGLE_ERROR,
                format!("{place}: Google answered {status}: {message}"),
            );
        }
        _ => (
            reason::GOOGLE_ERROR,
            format!("{place}: Google answered {status}: {message}"),
        ),
    };
    Failure::person(reason, text)
}

pub fn is_protection(message: &str) -> bool {
    message.contains("protected cell or object")
}
