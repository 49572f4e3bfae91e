# `terraform test`: no account and nothing in the cloud, the provider's answers are made up.

mock_provider "google" {}

variables {
  project = "my-project"
}

run "defaults" {
  assert {
    condition     = google_storage_bucket.bertline.name == "my-project-bertline"
    error_message = "another bucket than infra.vertex takes"
  }

  assert {
    condition     = output.image_prefix == "us-central1-docker.pkg.dev/my-project/bertline"
    error_message = "other images than infra.vertex takes: ${output.image_prefix}"
  }

  assert {
    condition     = output.endpoints == { qa = "bertline-qa", sentiment = "bertline-sentiment" }
    error_message = "other endpoints than infra.vertex takes"
  }

  assert {
    condition     = output.cluster_credentials == "" && length(google_container_node_pool.cpu) == 0
    error_message = "a cluster that nobody asked for"
  }

  assert {
    condition     = !contains(keys(google_project_service.needed), "container.googleapis.com")
    error_message = "an API that nothing needs"
  }
}

run "elsewhere" {
  variables {
    region        = "europe-west4"
    bucket        = "other-bucket"
    models        = ["reviews"]
    image_writers = ["user:a@example.com"]
  }

  assert {
    condition     = output.bucket == "other-bucket" && google_storage_bucket.bertline.location == "europe-west4"
    error_message = "the bucket is not where it was asked for"
  }

  assert {
    condition     = output.image_prefix == "europe-west4-docker.pkg.dev/my-project/bertline"
    error_message = "the images are not where they were asked for"
  }

  assert {
    condition     = join(",", keys(google_vertex_ai_endpoint.model)) == "reviews"
    error_message = "other endpoints than were asked for"
  }

  assert {
    condition     = google_artifact_registry_repository_iam_member.writer["user:a@example.com"].role == "roles/artifactregistry.writer"
    error_message = "who writes images may not"
  }
}

run "cluster" {
  variables {
    kubernetes          = true
    kubernetes_location = "europe-west4-a"
    authorized_networks = { office = "203.0.113.0/24" }
  }

  assert {
    condition     = output.cluster_credentials == "gcloud container clusters get-credentials bertline --location europe-west4-a --project my-project"
    error_message = "another command: ${output.cluster_credentials}"
  }

  assert {
    condition     = google_service_account_iam_member.pods["bertline"].member == "serviceAccount:my-project.svc.id.goog[bertline/default]"
    error_message = "another account of pods"
  }

  assert {
    condition     = one(google_container_cluster.bertline["bertline"].master_authorized_networks_config[0].cidr_blocks).cidr_block == "203.0.113.0/24"
    error_message = "the cluster's API is open to others"
  }

  assert {
    condition     = length(google_container_node_pool.gpu) == 0
    error_message = "GPUs that nobody asked for"
  }
}

run "open_cluster" {
  variables {
    kubernetes = true
  }

  assert {
    condition     = length(google_container_cluster.bertline["bertline"].master_authorized_networks_config) == 0
    error_message = "an empty list of networks would shut everybody out"
  }
}

run "gpus" {
  variables {
    kubernetes = true
    gpu_pool   = true
  }

  assert {
    condition     = google_container_node_pool.gpu["gpu"].node_config[0].guest_accelerator[0].type == "nvidia-l4"
    error_message = "another GPU"
  }
}

run "gpus_without_cluster" {
  variables {
    gpu_pool = true
  }

  assert {
    condition     = length(google_container_node_pool.gpu) == 0
    error_message = "GPUs without a cluster"
  }
}

run "refuses_what_cannot_be" {
  command = plan

  variables {
    project             = "My Project"
    region              = "Frankfurt"
    bucket              = "gs://bucket"
    models              = ["Sentiment_1"]
    authorized_networks = { office = "203.0.113.0" }
    cpu_max_nodes       = 0
    gpu_max_nodes       = 0
  }

  expect_failures = [
    var.project,
    var.region,
    var.bucket,
    var.models,
    var.authorized_networks,
    var.cpu_max_nodes,
    var.gpu_max_nodes,
  ]
}
