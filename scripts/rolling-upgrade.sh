#!/usr/bin/env bash
# Takes every node of a cluster to another build, one at a time, the leader last. Stops at the first thing that is not as
# it should be. docs/rolling-upgrades.md says more.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: scripts/rolling-upgrade.sh --node ID=URL [--node ID=URL ...] --upgrade-cmd COMMAND [options]

  --node ID=URL           a voter of the cluster and its HTTP API; name every voter
  --upgrade-cmd COMMAND   puts the new build on one node and starts it again; {id} and {url} stand for the node
  --rollback-cmd COMMAND  the way back; used for a node that does not come back, and for all with --rollback
  --rollback              goes back: runs the rollback command on every node
  --rollback-build FILE   the executable that the rollback command puts there: is asked whether it may join the cluster
  --dry-run               checks the cluster and prints what would be done
  --timeout SECONDS       how long a node may take to come back and catch up; 120
  --help                  this text

The executable `konsul` must be in the path, or named by KONSUL. Where access control is on, KONSUL_TOKEN must allow
cluster:admin; where the API has TLS, KONSUL_CA_CERT names its authority. Exits with 0 when every node is done, 1 when it stopped on the way, 2 for a wrong call.

Examples of commands:
  systemd     ssh {id} 'install -m 755 /tmp/konsul-new /usr/local/bin/konsul && systemctl restart konsul'
  compose     docker-compose -f docker-compose-cluster.yml up -d --no-deps --build {id}
  Kubernetes  kubectl delete pod {id}   (with updateStrategy OnDelete and the new image set)
TEXT
}

konsul=${KONSUL:-konsul}
ids=() urls=()
upgrade='' rollback='' build='' back=false dry=false timeout=120

wrong() {
  echo "rolling-upgrade: $1 (--help shows the way)" >&2
  exit 2
}
stop() {
  echo "rolling-upgrade: $1" >&2
  exit 1
}
say() { echo "$(date +%H:%M:%S) $1"; }
warn() { echo "rolling-upgrade: $1" >&2; }

while [ $# -gt 0 ]; do
  case $1 in
    --help | -h) usage && exit 0 ;;
    --rollback) back=true ;;
    --dry-run) dry=true ;;
    --node | --upgrade-cmd | --rollback-cmd | --rollback-build | --timeout)
      [ $# -ge 2 ] || wrong "$1 wants a value"
      case $1 in
        --node)
          [[ $2 == ?*=http*://?* ]] || wrong "--node must be ID=URL: it is \"$2\""
          ids+=("${2%%=*}") urls+=("${2#*=}")
          ;;
        --upgrade-cmd) upgrade=$2 ;;
        --rollback-cmd) rollback=$2 ;;
        --rollback-build)
          [ -x "$2" ] || wrong "--rollback-build must be an executable: it is \"$2\""
          build=$2
          ;;
        --timeout)
          [[ $2 =~ ^[1-9][0-9]*$ ]] || wrong "--timeout must be a number of seconds: it is \"$2\""
          timeout=$2
          ;;
      esac
      shift
      ;;
    *) wrong "$1 is no option" ;;
  esac
  shift
done
[ ${#ids[@]} -gt 0 ] || wrong "--node is missing"
if $back; then
  [ -n "$rollback" ] || wrong "--rollback wants a --rollback-cmd"
  command=$rollback
else
  [ -n "$upgrade" ] || wrong "--upgrade-cmd is missing"
  command=$upgrade
fi
command -v "$konsul" >/dev/null || wrong "there is no executable $konsul: set KONSUL"

# One line of JSON, as one node sees its cluster.
status_of() { "$konsul" cluster status --json --http-addr "$1" 2>/dev/null | tr -d '\n' | sed 's/": */":/g'; }
# The same of the node itself: its build, and when its process began.
self_of() { "$konsul" health --json --http-addr "$1" 2>/dev/null | tr -d '\n' | sed 's/": */":/g'; }
field() { sed -n "s/.*\"$1\":\"\\{0,1\\}\\([^\",}]*\\).*/\\1/p" <<<"$2"; }
leader_in() { sed -n 's/.*"leader":{ *"id":"\([^"]*\)".*/\1/p' <<<"$1"; }

# Why the cluster is not as it should be before a node is touched; nothing: it is.
trouble() {
  local at status leader='' seen
  for at in "${!ids[@]}"; do
    "$konsul" health --ready --http-addr "${urls[$at]}" >/dev/null 2>&1 || { echo "${ids[$at]} is not ready" && return; }
    status=$(status_of "${urls[$at]}") || true
    [ -n "$status" ] || { echo "${ids[$at]} does not answer at ${urls[$at]}" && return; }
    seen=$(leader_in "$status")
    [ -n "$seen" ] || { echo "${ids[$at]} knows no leader" && return; }
    [ -z "$leader" ] || [ "$leader" = "$seen" ] || { echo "${ids[$at]} follows $seen, others follow $leader" && return; }
    leader=$seen
    [ "$(field voters "$status")" = ${#ids[@]} ] ||
      { echo "the cluster has $(field voters "$status") voters, and ${#ids[@]} nodes are named" && return; }
    [[ $status == *"\"id\":\"${ids[$at]}\""* ]] || { echo "the cluster has no node ${ids[$at]}" && return; }
  done
  status=$(status_of "${urls[0]}") || true
  seen=$(sed -n 's/.*"state":"\(healthy\|degraded\|unavailable\)".*/\1/p' <<<"$status")
  [ "$seen" = healthy ] || echo "the cluster is ${seen:-in an unknown state}"
}

# Why the builds to go back to cannot be part of this cluster; nothing: they can.
shut_out() {
  local version known=1
  version=$(field cluster_version "$("$konsul" cluster upgrade --json --http-addr "${urls[0]}" 2>/dev/null | tr -d ' \n')") || true
  [ -n "$version" ] || { echo "${ids[0]} does not say its cluster version" && return; }
  [ -z "$build" ] || known=$("$build" version --json | tr -d ' \n' | sed -n 's/.*"cluster":{[^}]*"max":\([0-9]*\).*/\1/p')
  [ "$version" -gt "${known:-1}" ] || return 0
  echo "the upgrade was finalized, and the cluster is at version $version since. Builds that understand less do not start any more, and this has no way back. A build that understands it is named with --rollback-build FILE"
}

leader() { leader_in "$(status_of "${urls[0]}")"; }

unchanged='its process is the one that ran before: it was not started again'

# Why a node cannot be taken for one that was started again since it said this of itself; nothing: it can. One that said
# nothing, or whose release does not say when it began, gives nothing to compare with.
not_anew() { # url before
  local now began
  began=$(field started_at "$2")
  [ -n "$began" ] || return 0
  now=$(self_of "$1") || true
  [ -n "$now" ] || { echo "it does not say what it runs" && return; }
  [ "$(field started_at "$now")" != "$began" ] || echo "$unchanged"
}

# Waits so many seconds until nothing is wrong, and until this node was started again; says what still is.
settle() { # seconds [url before]
  local deadline=$((SECONDS + $1)) reason
  while true; do
    reason=''
    [ $# -eq 1 ] || reason=$(not_anew "$2" "$3")
    [ -n "$reason" ] || reason=$(trouble)
    [ -n "$reason" ] || return 0
    [ $SECONDS -lt $deadline ] || { echo "$reason" && return; }
    sleep 0.2
  done
}

# What an operator may have meant otherwise, although the node is well.
remark() { # id url before
  local now build
  now=$(self_of "$2") || true
  [ -n "$(field started_at "$3$now")" ] || warn "$1: its release does not say when it was started, so nobody knows whether it was"
  build="$(field version "$now"), commit $(field commit "$now")"
  [ "$build" != "$(field version "$3"), commit $(field commit "$3")" ] || warn "$1: runs the same build as before: $build"
}

# Until somebody else leads; says why nobody does.
hand_over() { # id url
  local deadline=$((SECONDS + 15)) told
  until told=$("$konsul" cluster transfer --http-addr "$2" 2>&1) || [ "$(leader)" != "$1" ]; do
    [ $SECONDS -lt $deadline ] || { echo "$told" && return 1; }
    sleep 0.5
  done
}

run_for() { # id url command
  local text=${3//\{id\}/$1}
  text=${text//\{url\}/$2}
  sh -c "$text"
}

# A moment of an election or a late heartbeat is no trouble.
reason=$(settle $((timeout < 10 ? timeout : 10)))
[ -z "$reason" ] || stop "nothing was touched: $reason. A cluster that is not whole is not upgraded"
first=$(leader)
[ -n "$first" ] || stop "nothing was touched: ${ids[0]} knows no leader any more. Call it again when an election is over"
order=()
for at in "${!ids[@]}"; do [ "${ids[$at]}" = "$first" ] || order+=("$at"); done
for at in "${!ids[@]}"; do [ "${ids[$at]}" != "$first" ] || order+=("$at"); done

if $back; then
  reason=$(shut_out)
  [ -z "$reason" ] || stop "nothing was touched: $reason"
fi

say "${#ids[@]} voters, all ready; $first leads"
if $dry; then
  for at in "${order[@]}"; do
    [ "${ids[$at]}" != "$first" ] || echo "  ${ids[$at]}: hands its leadership over first"
    echo "  ${ids[$at]}: $(sed "s|{id}|${ids[$at]}|g; s|{url}|${urls[$at]}|g" <<<"$command")"
  done
  say "nothing was done"
  exit 0
fi

for at in "${order[@]}"; do
  id=${ids[$at]} url=${urls[$at]}
  if [ ${#ids[@]} -gt 1 ] && [ "$(leader)" = "$id" ]; then
    say "$id: hands its leadership over"
    told=$(hand_over "$id" "$url") || stop "$id does not hand its leadership over, and was not touched: $told"
  fi
  before=$(self_of "$url") || true
  [ -n "$before" ] || stop "$id does not say what it runs, and was not touched. The nodes before it are done"
  say "$id: $command"
  reason=''
  run_for "$id" "$url" "$command" || reason="its command ended with $?"
  [ -n "$reason" ] || reason=$(settle "$timeout" "$url" "$before")
  # Nothing to go back from: what the way back would put there might be older than what runs.
  [ "$reason" != "$unchanged" ] || stop "$id: $reason, although its command ended well. The nodes before it are done, those behind it were not touched. Mend the command"
  if [ -n "$reason" ]; then
    if ! $back && [ -n "$rollback" ]; then
      say "$id: goes back, because $reason"
      failed=$(self_of "$url") || true
      run_for "$id" "$url" "$rollback" || stop "$id: $reason, and its way back ended with $?. Look at this node before anything else"
      left=$(settle "$timeout" "$url" "$failed")
      [ -z "$left" ] || stop "$id: $reason, and after its way back $left. Look at this node before anything else"
      stop "$id did not take the new build ($reason) and is back on the old one; the nodes before it stay as they are. Mend the cause and start again, or go back with --rollback"
    fi
    stop "$id: $reason. The nodes before it are done, those behind it were not touched"
  fi
  remark "$id" "$url" "$before"
  say "$id: back, caught up, all ready"
done
say "done; $(leader) leads"
$back || say "Once you are sure: konsul cluster upgrade finalize. Until then --rollback goes back, after it there is no way back"
