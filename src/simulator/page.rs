//! The page at `/`: the spreadsheets as a person would see them, in one file without outside parts.

use axum::response::Html;

pub async fn page() -> Html<&'static str> {
    Html(include_str!("page.html"))
}
