"""From what is asked for to records: the matrix, the plan, the loop, one invocation."""
