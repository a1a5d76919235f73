"""The benchmark scenarios, by name."""

from bench.scenarios.base import Scenario
from bench.scenarios.connect import CONNECT
from bench.scenarios.fanout import FANOUT_500, FANOUT_2000, SMALL
from bench.scenarios.processes import PROCESSES
from bench.scenarios.sends import SENDS
from bench.scenarios.storm import STORM

SCENARIOS: dict[str, Scenario] = {
    scenario.name: scenario for scenario in (FANOUT_500, FANOUT_2000, SMALL, CONNECT, SENDS, STORM, PROCESSES)
}
