//! Wedof's API, read only: what there is ([`catalogue`]), how it is asked ([`client`]), how answers are read
//! ([`decode`]), how a list is read to its end ([`pages`]), all of it together ([`fetch`]), and what an account can read
//! ([`probe`], [`refusal`]).

pub mod catalogue;
pub mod client;
pub mod decode;
pub mod fetch;
pub mod pages;
pub mod probe;
pub mod refusal;
