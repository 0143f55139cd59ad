//! Wedof's API, read only: what there is ([`catalogue`]), how it is asked ([`client`]), how answers are read
//! ([`decode`]), how a list is read to its end ([`pages`]), and all of it together ([`fetch`]).

pub mod catalogue;
pub mod client;
pub mod decode;
pub mod fetch;
pub mod pages;
