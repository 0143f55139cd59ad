# shellcheck shell=bash disable=SC2034  # other files use the variables
# The addresses of a cluster. Each cluster lives in a network namespace of its own, joined to this machine by a veth
# pair; all it needs here is three small networks that nobody else uses. They are derived from a slot number:
#
#   10.213.SLOT.0/24  the pair: .1 is this machine, .2 the node (API server, kubelet, CoreDNS)
#   10.214.SLOT.0/24  pods
#   10.215.SLOT.0/24  services: .1 is the API server, .10 the cluster's DNS
#
# Routes to the last two go through the node, so that pods and Services can be reached from this machine.

use_slot() {
  SLOT=$1
  LINK=wss-node$SLOT
  HOST_IP=10.213.$SLOT.1
  NODE_IP=10.213.$SLOT.2
  POD_CIDR=10.214.$SLOT.0/24
  SERVICE_CIDR=10.215.$SLOT.0/24
  API_SERVICE_IP=10.215.$SLOT.1
  DNS_IP=10.215.$SLOT.10
}

slot_is_free() {
  local slot=$1 network
  [[ ! -e /sys/class/net/wss-node$slot ]] || return 1
  for network in 213 214 215; do
    [[ -z $(ip -4 route show root "10.$network.$slot.0/24") ]] || return 1
  done
}

# Creates the pair of the first free slot, with its far end in the network namespace of process $1, and the routes.
# Run it under the lock of the slots: a slot is taken by the link that exists.
join_network() {
  local pid=$1 slot
  for ((slot = 0; slot < 256; slot++)); do
    ! slot_is_free "$slot" || break
  done
  ((slot < 256)) || die "no free network: 256 clusters run, or routes of this machine cover 10.213.0.0 to 10.215.255.255"
  use_slot "$slot"
  printf '%s\n' "$SLOT" >"$STATE/slot"

  local inside=(nsenter --target "$pid" --net ip)
  ip link add "$LINK" type veth peer name eth0 netns "$pid"
  ip link set "$LINK" alias "$STATE"
  ip address add "$HOST_IP/24" dev "$LINK"
  ip link set "$LINK" up
  ip route add "$POD_CIDR" via "$NODE_IP" dev "$LINK"
  ip route add "$SERVICE_CIDR" via "$NODE_IP" dev "$LINK"
  "${inside[@]}" address add "$NODE_IP/24" dev eth0
  "${inside[@]}" link set lo up
  "${inside[@]}" link set eth0 up
  "${inside[@]}" route add default via "$HOST_IP"
}

# The pair goes with its namespace, but a little later than the processes: a new start shall not meet it. The slot may
# be another cluster's by now, so the link has to be ours by its alias.
leave_network() {
  local alias=/sys/class/net/$LINK/ifalias
  [[ -e $alias && $(<"$alias") == "$STATE" ]] || return 0
  ip link delete "$LINK" 2>/dev/null || [[ ! -e $alias ]]
}
