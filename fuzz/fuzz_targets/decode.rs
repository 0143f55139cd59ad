//! Bytes of an answer → records.
#![no_main]

#[path = "../../src/wedof/decode.rs"]
mod decode;
mod properties {
    include!("../properties.rs");
}

/// What the decoder takes from the rest of the program.
mod table {
    pub type Record = serde_json::Map<String, serde_json::Value>;
}

libfuzzer_sys::fuzz_target!(|body: &[u8]| properties::check(body));
