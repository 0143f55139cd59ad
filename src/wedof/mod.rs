//! Wedof's API, read only: what there is ([`catalogue`]), how it is asked ([`client`]), how its answers are read
//! ([`decode`]) and how a list is read to its end ([`pages`]).

pub mod catalogue;
pub mod client;
pub mod decode;
