//! `[Route]`, and what `Gateway=` of `[Network]` stands for. systemd.network(5), ip-route(8).

use std::net::IpAddr;

use super::{Prefix, all_of, yes_or_no};

/// A route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Where it leads.
    pub destination: Prefix,
    /// By whom.
    pub gateway: Option<IpAddr>,
    /// The gateway is on the link, whatever the addresses say.
    pub is_on_link: bool,
    /// `Metric=`
    pub metric: Option<u32>,
    /// `Table=`
    pub table: Option<u32>,
    /// The address that is said to be the sender's.
    pub source: Option<IpAddr>,
    /// What becomes of a packet.
    pub kind: Kind,
}

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// It is sent.
    #[default]
    Unicast,
    /// It is dropped.
    Blackhole,
    /// It is dropped and the sender told that there is no way.
    Unreachable,
    /// It is dropped and the sender told that it may not be.
    Prohibit,
}

impl Route {
    /// To everything, by this one.
    #[must_use]
    pub fn by_default(gateway: IpAddr) -> Self {
        let all = all_of(gateway);
        Self { destination: all, gateway: Some(gateway), is_on_link: false, metric: None, table: None, source: None, kind: Kind::Unicast }
    }
}

impl std::fmt::Display for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "route to {}", self.destination)?;
        self.gateway.map_or(Ok(()), |gateway| write!(f, " by {gateway}"))
    }
}

/// One that is being read.
#[derive(Default)]
pub(super) struct Draft {
    destination: Option<Prefix>,
    gateway: Option<IpAddr>,
    is_on_link: bool,
    metric: Option<u32>,
    table: Option<u32>,
    source: Option<IpAddr>,
    kind: Kind,
}

impl Draft {
    /// Whether anything is done about it.
    pub(super) fn take(&mut self, key: &str, value: &str) -> Result<bool, String> {
        let address = || value.parse::<IpAddr>().map(Some).map_err(|_| "takes an address".to_owned());
        let number = || value.parse::<u32>().map(Some).map_err(|_| "takes a number".to_owned());
        match key {
            "Destination" => self.destination = Some(Prefix::read(value).ok_or("takes an address and its prefix length")?),
            "Gateway" => self.gateway = address()?,
            "PreferredSource" => self.source = address()?,
            "Metric" => self.metric = number()?,
            "Table" => {
                self.table = match value {
                    "default" => Some(253),
                    "main" => Some(254),
                    "local" => Some(255),
                    _ => number()?.filter(|table| *table > 0),
                }
            }
            "GatewayOnLink" | "GatewayOnlink" => self.is_on_link = yes_or_no(value)?,
            "Type" => {
                self.kind = match value {
                    "unicast" => Kind::Unicast,
                    "blackhole" => Kind::Blackhole,
                    "unreachable" => Kind::Unreachable,
                    "prohibit" => Kind::Prohibit,
                    _ => return Ok(false),
                }
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    pub(super) fn finish(self) -> Result<Route, String> {
        let destination = match (self.destination, self.gateway) {
            (Some(destination), _) => destination,
            (None, Some(gateway)) => all_of(gateway),
            (None, None) => return Err("neither Destination= nor Gateway=".to_owned()),
        };
        let others = [self.gateway, self.source];
        if others.into_iter().flatten().any(|other| other.is_ipv4() != destination.address.is_ipv4()) {
            return Err("addresses of both families in one route".to_owned());
        }
        let gateway = self.gateway.filter(|_| self.kind == Kind::Unicast);
        let (is_on_link, metric, table, source, kind) = (self.is_on_link, self.metric, self.table, self.source, self.kind);
        Ok(Route { destination, gateway, is_on_link, metric, table, source, kind })
    }
}
