"""From a subscription document to a plan: what it selects, who may share it, and how an event becomes bytes."""
