"""The account: named models, endpoints, jobs and objects, and the states that they pass through."""
