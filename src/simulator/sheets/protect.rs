//! Protected ranges: who may edit what.

use super::{
    a1::{Open, Rect},
    model::{Editor, Protection, Sheet},
    ranges::{Change, Shift},
};

const REFUSAL: &str = "You are trying to edit a protected cell or object. Please contact the spreadsheet owner to remove \
                       protection if you need to edit.";

impl Protection {
    /// The owner can always edit; a warning stops no program.
    pub fn allows(&self, editor: &Editor) -> bool {
        match editor {
            Editor::Owner => true,
            Editor::Account(email) => self.warning_only || self.editors.contains(email),
        }
    }
}

fn refuse(allowed: bool) -> Result<(), String> {
    if allowed { Ok(()) } else { Err(REFUSAL.into()) }
}

/// Refuses to write into cells that are protected against the editor.
pub fn check(sheet: &Sheet, editor: &Editor, rect: &Rect) -> Result<(), String> {
    let close = |open: &Open| open.clipped(sheet.rows.len(), sheet.columns.len());
    let blocked = |protection: &Protection| {
        close(&protection.range).intersects(rect)
            && !protection.allows(editor)
            && !protection.unprotected.iter().any(|open| close(open).covers(rect))
    };
    refuse(rect.is_empty() || !sheet.protected.iter().any(blocked))
}

/// Refuses to insert, delete or move rows or columns through a range that is protected against the editor.
pub fn check_shift(sheet: &Sheet, editor: &Editor, shift: Shift) -> Result<(), String> {
    let crosses = |protection: &Protection| {
        let rect = protection.range.clipped(sheet.rows.len(), sheet.columns.len());
        let (start, end) = if shift.rows {
            (rect.top, rect.bottom)
        } else {
            (rect.left, rect.right)
        };
        match shift.change {
            Change::Insert { at, .. } => start < at && at < end,
            Change::Delete { start: from, end: to } => from < end && start < to,
            Change::Move {
                start: from,
                end: to,
                to: at,
            } => (from < end && start < to) || (start < at && at < end),
        }
    };
    refuse(
        !sheet
            .protected
            .iter()
            .any(|protection| crosses(protection) && !protection.allows(editor)),
    )
}

/// Refuses to change or remove a protection, or a sheet that is protected as a whole.
pub fn check_sheet(sheet: &Sheet, editor: &Editor) -> Result<(), String> {
    let whole = |protection: &Protection| protection.range == Open::default();
    refuse(
        !sheet
            .protected
            .iter()
            .any(|protection| whole(protection) && !protection.allows(editor)),
    )
}

pub fn check_protection(protection: &Protection, editor: &Editor) -> Result<(), String> {
    refuse(protection.allows(editor))
}
